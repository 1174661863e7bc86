"""One scale of dashes for all layers of a chart, since a mark by itself takes no dash by name."""

from collections.abc import Sequence

import altair as alt

from webapp.charts.styles import Style


def dashes(styles: Sequence[Style]) -> alt.StrokeDash:
    by_name = {dash_name(style): style.dash for style in styles}
    return alt.StrokeDash("dash:N", legend=None, scale=alt.Scale(domain=list(by_name), range=list(by_name.values())))


def dash_name(style: Style) -> str:
    """Return the name of a style's dash. The dash itself cannot be used: charts.js would resolve it in the data too."""
    return f"{style.token} {str(style.dash).strip('dash()')}"
