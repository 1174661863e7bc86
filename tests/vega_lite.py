"""A check of specs by the schema of Vega-Lite, in 1 ms. Altair's own, of every part of a chart, takes seconds for the curves."""

import json
from functools import cache
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pytest
from altair.vegalite.v6.schema import core

from webapp.charts.cache import CHARTS


def check(spec: dict[str, Any]) -> None:
    """Raise ValidationError (jsonschema), which tells the part that is wrong, for a spec that Vega-Lite does not know."""
    if not _schema().is_valid(spec):
        core.Root.validate(spec)


@cache
def _schema() -> Any:
    return jsonschema_rs.Draft7Validator(_quoted(core.load_schema()))


def _quoted(part: Any) -> Any:
    """Return ``part`` of a schema with its references as URIs, as the standard has them: names have "<" in them."""
    if isinstance(part, dict):
        return {key: quote(value, safe="#/") if key == "$ref" else _quoted(value) for key, value in part.items()}
    return [_quoted(value) for value in part] if isinstance(part, list) else part


def check_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check every chart that is made from now on: each comes into the cache of charts."""
    put = CHARTS.put

    def checked(key: str, text: str) -> None:
        if spec := json.loads(text):
            check(spec)
        put(key, text)

    monkeypatch.setattr(CHARTS, "put", checked)
