"""Layers of marks as one chart, and panels as one chart, as Altair's ``layer`` and ``vconcat`` make them.

Altair copies every part of a chart whenever it puts parts together, in case that they have parameters: the curves of an
experiment took 0.3 s instead of 0.05. Here parts are put together as specs; parameters are added to the whole.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
from altair.utils.schemapi import SchemaBase

from webapp.charts.spec import spec_of

OF_THE_WHOLE = ("$schema", "config", "datasets")


def layered(layers: Sequence[Any], **further: Any) -> dict[str, Any]:
    """Return the spec of the layers, which are charts of Altair, in the order in which they are drawn."""
    return _together("layer", [spec_of(layer) for layer in layers], further)


def stacked(panels: Sequence[dict[str, Any]], **further: Any) -> dict[str, Any]:
    """Return the spec of the panels, which are specs, from top to bottom."""
    return _together("vconcat", panels, further)


def fitted(layers: Sequence[Any], height: Any, description: str, **further: Any) -> dict[str, Any]:
    """Return the spec of the layers, with labels and axes inside the width of the element that it is drawn in.

    Their common data may be given, which Altair names.
    """
    chart = alt.layer(
        *layers,
        width="container",
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        description=description,
        **further,
    )
    return spec_of(chart)


def _together(name: str, parts: Sequence[dict[str, Any]], further: dict[str, Any]) -> dict[str, Any]:
    inner = [{key: value for key, value in part.items() if key not in OF_THE_WHOLE} for part in parts]
    whole: dict[str, Any] = {key: parts[0][key] for key in ("$schema", "config")}
    if datasets := {key: rows for part in parts for key, rows in part.get("datasets", {}).items()}:
        whole["datasets"] = datasets
    if "data" in inner[0] and all(part.get("data") == inner[0]["data"] for part in inner):
        whole["data"] = inner[0]["data"]
        inner = [{key: value for key, value in part.items() if key != "data"} for part in inner]
    whole[name] = inner
    return whole | {key: value.to_dict() if isinstance(value, SchemaBase) else value for key, value in further.items()}
