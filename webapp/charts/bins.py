"""Bins of long curves: what a page has at most of one metric of one run.

A bin covers ``width`` steps, a power of two, from a multiple of it, so that appended points never move an older bin. It keeps
the points with the least and the greatest value, the last one, the number of points and their sum: a bin of one or two points has
lost nothing, and a single high point is seen however long the curve is. A point may be the mean of several steps, and a bin keeps
the extremes of single steps as well. static/js/bins.js adds new points to the same bins.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

MOST = 512
"""Most bins of a curve, so that at most 1,024 points of it are drawn, and two more at its end."""

MOST_OF_ALL = 100_000
"""Bins of all curves of a page together, at about 60 bytes each."""


def width_of(steps: int, most: int = MOST) -> int:
    """Return the width of bins in steps: the least power of two with which ``steps`` have at most ``most`` bins."""
    return 1 << max(0, -(-steps // most) - 1).bit_length()


@dataclass(slots=True)
class Bin:
    """Points: ``at`` is the time of the last one, in milliseconds since the run started, ``seq`` the event of the first one.

    ``least`` and ``greatest`` are those of single steps; of a point that is one step they are its value.
    """

    first: int
    count: int
    sum: float
    low_step: int
    low: float
    high_step: int
    high: float
    last_step: int
    last: float
    at: int
    seq: int
    least_step: int
    least: float
    greatest_step: int
    greatest: float

    def merge(self, later: "Bin") -> None:
        """Add the points of a bin that begins after the end of this one."""
        self.count += later.count
        self.sum += later.sum
        if later.low < self.low:
            self.low_step, self.low = later.low_step, later.low
        if later.high >= self.high:
            self.high_step, self.high = later.high_step, later.high
        self.last_step, self.last, self.at = later.last_step, later.last, later.at
        if later.least < self.least:
            self.least_step, self.least = later.least_step, later.least
        if later.greatest > self.greatest:
            self.greatest_step, self.greatest = later.greatest_step, later.greatest

    def packed(self) -> list[float]:
        """Return the bin for the page: a bin of one point is its step, value and time. Extremes beyond its points follow."""
        beyond = self.least < self.low or self.greatest > self.high
        extremes = [self.least_step, self.least, self.greatest_step, self.greatest] if beyond else []
        if self.count == 1:
            return [self.last_step, self.last, self.at, *extremes]
        ends = [self.low_step, self.low, self.high_step, self.high, self.last_step, self.last]
        return [self.first, self.count, self.sum, *ends, self.at, *extremes]


@dataclass
class Curve:
    """One metric of one run. ``bad`` has the first value of each bin that was not finite: its step, which it was, its time."""

    width: int
    bins: dict[int, Bin] = field(default_factory=dict)
    bad: dict[int, tuple[int, str, int]] = field(default_factory=dict)
    last_step: int = -1

    def add(self, step: int, value: float, at: int, seq: int = 0, extremes: tuple[Any, ...] = ()) -> None:
        """Add a point, in the order of steps; a second one of the same step, of another attempt, is the same and left out.

        ``extremes`` of the steps that it is the mean of are the least, its step, the greatest and its step.
        """
        if step <= self.last_step:
            return
        self.last_step = step
        least, least_step, greatest, greatest_step = extremes or (value, step, value, step)
        ends = step, value, step, value, step, value
        point = Bin(step, 1, value, *ends, at, seq, least_step, least, greatest_step, greatest)
        place = step // self.width
        if place in self.bins:
            self.bins[place].merge(point)
        else:
            self.bins[place] = point

    def add_bad(self, step: int, value: str, at: int) -> None:
        """Note a value that is not finite: nan, inf or -inf, or an empty text where the event does not say which."""
        self.bad.setdefault(step // self.width, (step, value, at))

    def packed(self, width: int) -> dict[str, Any]:
        """Return the curve for the page in bins of ``width`` steps, a multiple of its own by a power of two."""
        factor = max(1, width // self.width)
        bad = {place: next(group) for place, group in groupby(sorted(self.bad.values()), key=lambda each: each[0] // width)}
        return {"bins": [merged.packed() for merged in _merged(self.bins, factor)], "bad": list(bad.values())}


def _merged(bins: dict[int, Bin], factor: int) -> Iterator[Bin]:
    if factor == 1:
        yield from bins.values()
        return
    for _, group in groupby(bins.items(), key=lambda item: item[0] // factor):
        yield _joined(map(itemgetter(1), group))


def _joined(bins: Iterable[Bin]) -> Bin:
    """Return one bin with the points of consecutive ones, which stay as they are."""
    first, *later = bins
    values = {name: getattr(first, name) for name in Bin.__slots__}
    joined = Bin(**values)
    for each in later:
        joined.merge(each)
    return joined
