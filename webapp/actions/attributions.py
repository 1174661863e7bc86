"""Requests for word attributions: the request, then the light worker, which computes them."""

from collections.abc import Sequence

from webapp.attributions import services
from webapp.notifications import CHORES, call


def request(keys: Sequence[str], example: int) -> bool:
    """Queue the attributions of runs for an example. False when the broker is away: they start when it is back."""
    services.request(keys, example)
    return call(CHORES)
