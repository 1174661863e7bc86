"""Charts as Vega-Lite specs. Importing this module switches off Altair's checks, most of the time that a chart takes.

A chart is made of numbers alone, so a spec that is valid for one experiment is valid for all: tests check the specs.

Channels are given as Altair's classes, ``alt.Text("text:N")`` and not ``text="text:N"``: for a name Altair reads the schemas of
all its classes, 4 ms each time.
"""

from typing import Any

from altair.utils import schemapi

schemapi.disable_debug_mode()


def spec_of(chart: Any) -> dict[str, Any]:
    """Return the spec of a chart of Altair, which is not checked."""
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec
