"""The page as one file that opens anywhere, without a network."""

from webapp.papers.paper import Paper
from webapp.papers.rendering import Doors, page


def offline(paper: Paper) -> bytes:
    return page(paper, Doors()).encode()
