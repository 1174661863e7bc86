"""HTML without the line breaks and indentation of templates, so that a test of a page does not depend on them."""

import re
from collections.abc import Callable

from django.http import HttpResponse
from django.http.request import HttpRequest

VERBATIM = re.compile(r"(<(pre|textarea|script|style)\b.*?</\2>)", re.DOTALL)
SPACE = re.compile(r"(\"[^\"]*\"|'[^']*')|\s+")
TAG = re.compile(r"(</?[a-zA-Z!](?:\"[^\"]*\"|'[^']*'|[^'\">])*>)")


def compact(html: str) -> str:
    """Return ``html`` with no white space beside a tag where its template breaks a line, and otherwise one space for a break."""
    parts = VERBATIM.split(html)
    return "".join(_compact(part) if index % 3 == 0 else part for index, part in enumerate(parts) if index % 3 != 2)


def _compact(html: str) -> str:
    tokens = TAG.split(html)
    for index, token in enumerate(tokens):
        if index % 2:
            tokens[index] = SPACE.sub(lambda place: place[1] or " ", token).replace(" >", ">")
            continue
        opened = index == 0 or not tokens[index - 1].startswith("</")
        closed = index + 1 == len(tokens) or tokens[index + 1].startswith("</")
        if not token.strip():
            tokens[index] = "" if "\n" in token else token
            continue
        token = re.sub(r"^\s*\n\s*", "" if opened else " ", token)
        token = re.sub(r"\s*\n\s*$", "" if closed else " ", token)
        tokens[index] = re.sub(r"\s*\n\s*", " ", token)
    return "".join(tokens)


class CompactHtml:
    """Middleware of the tests' settings: what a test reads of a page is compact."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.streaming and response.get("Content-Type", "").startswith("text/html"):
            response.content = compact(response.content.decode())
        return response
