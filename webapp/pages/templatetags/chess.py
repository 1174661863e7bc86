"""A template tag for the boards of chess puzzles."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template

from webapp.charts.chess_figure import Figure, Written, chess_figure

register = template.Library()


@register.inclusion_tag("partials/chess_board.html")
def chess_board(row: Mapping[str, Any], written: Sequence[Written] = ()) -> dict[str, Figure | None]:
    """Draw the position of a row with the written moves; nothing where the row has no position."""
    return {"figure": chess_figure(row, written)}
