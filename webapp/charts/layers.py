"""Layers of marks as one chart that is as wide as its place on the page."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from webapp.charts.spec import spec_of


def fitted(layers: Sequence[Any], height: Any, description: str, **further: Any) -> dict[str, Any]:
    """Return the spec of the layers, with labels and axes inside the width of the element that it is drawn in."""
    chart = alt.layer(
        *layers,
        width="container",
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        description=description,
        **further,
    )
    return spec_of(chart)
