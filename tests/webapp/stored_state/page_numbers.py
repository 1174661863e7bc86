"""The numbers that a page of a share shows."""

import re
from html.parser import HTMLParser


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th"):
            self.cells.append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells[-1] += data


def numbers(html: str) -> list[str]:
    """Return the cells of the page's tables that hold digits, in order."""
    parser = _Cells()
    parser.feed(html)
    return [" ".join(cell.split()) for cell in parser.cells if re.search(r"\d", cell)]
