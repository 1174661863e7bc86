"""The text and the links of a page."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

from django.test import Client

LINK = re.compile(r"""(?:href|src|action|data-to|content)=["']([^"'\s]+)["']|url=([^"'\s>]+)""")


def links_in(page: str, base: str) -> set[str]:
    addresses = {unescape(quoted or refresh) for quoted, refresh in LINK.findall(page)}
    inside = (
        urlsplit(urljoin(f"http://testserver{base}", address))
        for address in addresses
        if address.startswith(("/", ".", "?", "http"))
    )
    return {url.path for url in inside if url.netloc == "testserver"}


def text(client: Client, path: str, status: int = 200) -> str:
    """Return the visible text of a page, without tags and with single spaces."""
    response = client.get(path)
    assert response.status_code == status
    return plain(response.content.decode())


def plain(html: str) -> str:
    html = re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("&nbsp;", " ").split())
