"""The text of a page, and the fields that its form sends."""

import re

from django.test import Client

from training import ExperimentSpec
from webapp.pages.experiments.form import SpecForm


def text(client: Client, path: str, status: int = 200) -> str:
    """Return the visible text of the page at ``path``."""
    response = client.get(path)
    assert response.status_code == status
    return plain(response.content.decode())


def plain(html: str) -> str:
    """Return a page without its tags, scripts and styles, with single spaces."""
    html = re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("&nbsp;", " ").split())


def sent(spec: ExperimentSpec, **changes: list[str]) -> dict[str, list[str]]:
    """Return the fields that the form of ``spec`` sends with its launch button."""
    return {**SpecForm.of(spec).raw, "do": ["launch"], **changes}
