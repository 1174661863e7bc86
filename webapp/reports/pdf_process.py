"""HTML as a PDF or a picture. Each is made by a new process, so that the memory of PlutoPrint ends with it.

``python -m webapp.reports.pdf_process pdf|png`` reads HTML without external resources and writes the file.
"""

import io
import sys
from typing import Any, Literal

from webapp.charts.child_programs import made_by

Format = Literal["pdf", "png"]

WIDTH, HEIGHT = 1200, 630
"""Pixels of a picture."""


def print_html(html: str, how: Format) -> bytes:
    """Return the file. Raises NotDrawn."""
    return made_by("webapp.reports.pdf_process", how, html.encode(), "page", "printed")


def main(how: str) -> None:
    import plutoprint  # imported here, since the web process, which imports this module, does not need it

    class Inside(plutoprint.ResourceFetcher):
        """A reader of data URLs alone: nothing is read from the network or the disk."""

        def fetch_url(self, url: str) -> Any:
            if not url.startswith("data:"):
                raise ValueError("A page is printed without a network.")
            return plutoprint.default_resource_fetcher.fetch_url(url)

    html, file = sys.stdin.buffer.read().decode(), io.BytesIO()
    size = (
        plutoprint.PAGE_SIZE_A4
        if how == "pdf"
        else plutoprint.PageSize(WIDTH * plutoprint.UNITS_PX, HEIGHT * plutoprint.UNITS_PX)
    )
    book = plutoprint.Book(size, plutoprint.PAGE_MARGINS_NONE if how == "png" else plutoprint.PAGE_MARGINS_NORMAL)
    book.custom_resource_fetcher = Inside()
    book.load_html(html)
    if how == "pdf":
        book.write_to_pdf_stream(file)
    else:
        book.write_to_png_stream(file, WIDTH, HEIGHT)
    sys.stdout.buffer.write(file.getvalue())


if __name__ == "__main__":
    main(sys.argv[1])
