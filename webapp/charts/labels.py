"""Places of labels beside a plot, apart from each other however near their lines are."""

from collections.abc import Sequence


def spread(wanted: Sequence[float], gap: float, height: float) -> list[float]:
    """The middles of labels in pixels from the top, in the order of ``wanted``, no two nearer than ``gap``.

    Halfway between pushing each below those above it and lifting each above those below it; within 0 to ``height`` where that
    has room for all.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    pushed: list[float] = []
    lifted, below = [0.0] * len(wanted), float("inf")
    for place, index in enumerate(order):
        pushed.append(wanted[index] if not place else max(wanted[index], pushed[-1] + gap))
    for place in reversed(range(len(order))):
        below = min(wanted[order[place]], below - gap)
        lifted[place] = below
    found = [0.0] * len(wanted)
    for place, index in enumerate(order):
        least, most = (place + 0.5) * gap, height - (len(order) - place - 0.5) * gap
        found[index] = max(least, min((pushed[place] + lifted[place]) / 2, most))
    return found
