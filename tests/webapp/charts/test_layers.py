"""Charts that are put together as specs equal those that Altair puts together."""

from typing import Any

import altair as alt
import pytest

from webapp.charts.layers import layered, stacked
from webapp.charts.spec import spec_of


def marks(*data: Any) -> list[Any]:
    return [alt.Chart(rows).mark_line().encode(alt.X("x:Q"), alt.Y("y:Q")) for rows in data]


LIVE, OTHER = alt.NamedData("live"), alt.NamedData("other")
INLINE = alt.InlineData(values=[{"x": 1, "y": 2}])


@pytest.mark.parametrize("data", [(LIVE, OTHER), (LIVE, LIVE), (INLINE, LIVE), (INLINE, INLINE)])
def test_layers_and_panels_are_those_of_altair(data: tuple[Any, ...]) -> None:
    settings: dict[str, Any] = {"title": alt.TitleParams("Loss", subtitle=["mean"]), "width": "container", "height": 90}
    assert layered(marks(*data), **settings) == spec_of(alt.layer(*marks(*data), **settings))
    panels = [alt.layer(*marks(*data), **settings), alt.layer(*marks(OTHER), height=40)]
    whole: dict[str, Any] = {"data": LIVE, "spacing": 28, "description": "Loss over steps"}
    assert stacked([spec_of(panel) for panel in panels], **whole) == spec_of(alt.vconcat(*panels, **whole))
