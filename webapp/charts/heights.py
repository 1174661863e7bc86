"""The height of a chart on a page before it is drawn: its plots, with titles above and axes below."""

from typing import Any

TITLE, SUBTITLE, AXIS, NAME, BOTTOM = 29, 17, 18, 23, 4
"""Pixels of a title with its offset, of a line of a subtitle, of the numbers of an axis, of its name, and below everything."""


def height_of(spec: dict[str, Any]) -> int:
    """Return the height in pixels, exact up to the difference of fonts. A height given per row is multiplied by the rows."""
    panels = spec.get("vconcat")
    if panels is None:
        return round(_plot(spec) + BOTTOM)
    spacing: int = spec.get("spacing", 0)
    return round(sum(map(_plot, panels)) + spacing * (len(panels) - 1) + BOTTOM)


def _plot(spec: dict[str, Any]) -> float:
    """Return the height of one plot: its stated height, its title and its axis. ``autosize`` in x does not change the height."""
    stated: Any = spec.get("height", 0)
    height = float(stated["step"] * len(_places(spec)) if isinstance(stated, dict) else stated)
    title = spec.get("title")
    subtitle = title.get("subtitle") if isinstance(title, dict) else None
    lines = len(subtitle) if isinstance(subtitle, list) else bool(subtitle)
    above = 0 if title is None else TITLE + SUBTITLE * lines
    axis = _axis(spec)
    below = 0 if axis is None or axis.get("labels") is False else AXIS + (NAME if axis.get("title") else 0)
    return height + above + below


def _axis(spec: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first axis along x that a layer has."""
    for layer in _layers(spec):
        axis = layer.get("encoding", {}).get("x", {}).get("axis")
        if axis is not None:
            return dict(axis)
    return None


def _places(spec: dict[str, Any]) -> list[Any]:
    """Return the values that have one row each in a chart of discrete rows."""
    orders = (layer.get("encoding", {}).get("y", {}).get("sort") for layer in _layers(spec))
    return next((places for places in orders if isinstance(places, list)), [None])


def _layers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [spec, *(inner for layer in spec.get("layer", []) for inner in _layers(layer))]
