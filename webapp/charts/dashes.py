"""Dashes by name, which a mark by itself does not take: as one scale for all layers of a chart."""

from collections.abc import Sequence

import altair as alt

from webapp.charts.roles import Look


def dashes(looks: Sequence[Look]) -> alt.StrokeDash:
    found = {dash_name(look): look.dash for look in looks}
    return alt.StrokeDash("dash:N", legend=None, scale=alt.Scale(domain=list(found), range=list(found.values())))


def dash_name(look: Look) -> str:
    """Of a look's dash; not the dash itself, which charts.js would resolve in the data too."""
    return f"{look.token} {str(look.dash).strip('dash()')}"
