"""Positions of labels beside a plot, a minimum distance apart even if their lines are closer."""

from collections.abc import Sequence


def spread(wanted: Sequence[float], gap: float, height: float) -> list[float]:
    """Return the middles of labels in pixels from the top, in the order of ``wanted``, no two nearer than ``gap``.

    A label is halfway between two positions: pushed below those above it, and lifted above those below it. All are within 0 to
    ``height`` if it is large enough.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    pushed: list[float] = []
    lifted, below = [0.0] * len(wanted), float("inf")
    for place, index in enumerate(order):
        pushed.append(wanted[index] if not place else max(wanted[index], pushed[-1] + gap))
    for place in reversed(range(len(order))):
        below = min(wanted[order[place]], below - gap)
        lifted[place] = below
    middles = [0.0] * len(wanted)
    for place, index in enumerate(order):
        least, most = (place + 0.5) * gap, height - (len(order) - place - 0.5) * gap
        middles[index] = max(least, min((pushed[place] + lifted[place]) / 2, most))
    return middles
