"""HTML as a PDF or a picture. Each is made by a process started afresh, so that what PlutoPrint takes goes with it.

``python -m webapp.papers.press pdf|png`` reads HTML in which everything is inside and writes the file.
"""

import io
import subprocess
import sys
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Literal

from webapp.charts.drawing import NotDrawn

Format = Literal["pdf", "png"]

SECONDS = 60
AT_ONCE = BoundedSemaphore(2)
"""Files that one web process has made at the same time; each is a program of some 150 MB."""

WIDTH, HEIGHT = 1200, 630
"""Pixels of a picture."""

ROOT = Path(__file__).resolve().parents[2]


def press(html: str, how: Format) -> bytes:
    """NotDrawn: it took too long, or the program that prints failed."""
    command = [sys.executable, "-m", "webapp.papers.press", how]
    if not AT_ONCE.acquire(timeout=SECONDS):
        raise NotDrawn("Other pages are being printed. Try again in a minute.")
    try:
        done = subprocess.run(command, input=html.encode(), capture_output=True, cwd=ROOT, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotDrawn(f"The page was not printed within {SECONDS} seconds.") from error
    finally:
        AT_ONCE.release()
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no word of why"]
        raise NotDrawn(f"The page could not be printed: {said[-1][:300]}")
    return done.stdout


def main(how: str) -> None:
    import plutoprint  # here only: the web process, which imports this module, has no use for it

    class Inside(plutoprint.ResourceFetcher):
        """Reads what is in the page itself and nothing else, neither from the network nor from the disk."""

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
