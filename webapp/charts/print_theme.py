"""A chart for print: its spec resolved as by static/js/charts.js, for the light theme, one width and a white background."""

import re
from functools import cache
from typing import Any

from webapp.project_files import STATIC

WIDTH = 760
"""Pixels of a picture, labels included."""

TOKENS = STATIC / "css/tokens.css"
FONT = "sans-serif"
"""A generic font, since vl-convert cannot read Inter, which is stored as woff2."""


@cache
def tokens() -> dict[str, str]:
    """Return the custom properties of the light theme, without their two dashes: {"conf": "#00609b", "dash-weak": "2 3"}."""
    css = re.sub(r"/\*.*?\*/", "", TOKENS.read_text(encoding="utf-8"), flags=re.DOTALL)
    light = css[css.index(":root") : css.index("[data-theme")]
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", light))


def on_paper(spec: dict[str, Any], rows: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return the spec with every value resolved that a browser would resolve; ``rows`` are those of a live chart, which has none.

    Raises KeyError if the spec names a property that tokens.css does not have.
    """
    margin = spec.get("usermeta", {}).get("margin", {}).get("wide", 0)
    resolved: dict[str, Any] = _resolved(spec, WIDTH - margin)
    if rows is not None:
        resolved["datasets"] = {**resolved.get("datasets", {}), resolved["data"]["name"]: rows}
    return {**resolved, "config": {**resolved.get("config", {}), **config()}}


def _resolved(value: Any, width: int) -> Any:
    if isinstance(value, str):
        dash = re.fullmatch(r"dash\(--([\w-]+)\)", value)
        return [float(part) for part in tokens()[dash[1]].split()] if dash else _coloured(value)
    if isinstance(value, list):
        return [_resolved(item, width) for item in value]
    if isinstance(value, dict):
        return {key: width if key == "width" and item == "container" else _resolved(item, width) for key, item in value.items()}
    return value


def _coloured(text: str) -> str:
    while "var(--" in text:  # a token may be another: --truth is --ink
        text = re.sub(r"var\(--([\w-]+)\)", lambda name: tokens()[name[1]], text)
    return text


def config() -> dict[str, Any]:
    """Return the configuration that static/js/charts.js gives every chart."""
    ink, soft, pale, rule, axis = (tokens()[name] for name in ("ink", "ink-2", "ink-3", "rule", "rule-2"))
    return {
        "font": FONT,
        "background": "white",
        "padding": 12,
        "view": {"stroke": None},
        "legend": {"disable": True},
        "rule": {"color": axis},
        "text": {"fontSize": 12, "color": soft},
        "line": {"strokeWidth": 2, "strokeCap": "butt", "strokeJoin": "round"},
        "title": {
            "fontSize": 13,
            "fontWeight": 600,
            "color": ink,
            "subtitleColor": pale,
            "subtitleFontSize": 12,
            "subtitlePadding": 3,
            "anchor": "start",
            "frame": "group",
            "offset": 12,
        },
        "axis": {
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": 400,
            "labelColor": pale,
            "titleColor": pale,
            "gridColor": rule,
            "domainColor": axis,
            "tickColor": axis,
            "tickSize": 4,
            "labelPadding": 5,
            "titlePadding": 8,
        },
        "axisX": {"grid": False},
        "axisY": {"grid": True, "domain": False, "ticks": False},
    }
