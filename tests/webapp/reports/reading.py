"""The content of a report's page: the rows of its tables and its text."""

from html.parser import HTMLParser


class _Rows(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def rows(html: str) -> dict[str, list[str]]:
    """Return the cells of all table rows by the text of the first cell; rows with equal first cells are concatenated."""
    parser = _Rows()
    parser.feed(html)
    cells_by_title: dict[str, list[str]] = {}
    for first, *rest in ([" ".join(cell.split()) for cell in row] for row in parser.rows):
        cells_by_title.setdefault(first, []).extend(rest)
    return cells_by_title
