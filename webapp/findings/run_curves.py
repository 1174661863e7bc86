"""The curves of runs in bins, made from their events in one pass. Later calls read only what was added since."""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from webapp.charts.bins import MOST, MOST_OF_ALL, Curve, width_of
from webapp.charts.metrics import METRICS, axes, extremes, for_scripts, measured
from webapp.experiments import queries
from webapp.experiments.models import Run
from webapp.experiments.stored_events import UNREADABLE, problem
from webapp.experiments.system_samples import samples_for_page

MOST_CACHED = 100_000
"""Bins of all runs in the cache of a process, about 40 MB; the runs that were read last stay."""

INCOMPLETE = "Means over seeds leave these runs out; results and what happened to the runs remain."
MOST_NAMED = 3
"""Files that a page names, of those which cannot be read."""

LEAST = 64
"""Least number of bins of a curve where a page has very many."""


def is_void(resumes: Sequence[tuple[int, int]], seq: int, step: int) -> bool:
    """Return whether a start after the event ``seq`` continued from an earlier step than ``step``, which the event is about.

    ``resumes`` are numbers of starts and the steps from which they continued, oldest first.
    """
    return any(resumed_from < step for _, resumed_from in resumes[bisect_right(resumes, seq, key=itemgetter(0)) :])


@dataclass
class RunCurves:
    """The curves of one run up to the event ``seq``; ``start`` is the time of its first start in milliseconds since 1970."""

    seq: int = 0
    total: int = 0
    start: int = 0
    resumes: list[tuple[int, int]] = field(default_factory=list)
    """Number and step of each start: what an earlier event measured after that step is void."""
    curves: dict[str, Curve] = field(default_factory=dict)
    axes: dict[str, Curve] = field(default_factory=dict)
    """The amount that the run had read by each step: examples, and tokens where they are known."""
    problem: str = ""
    """Why the events in files cannot be read now: the curves are without them."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        return sum(len(curve.bins) + len(curve.bad) for curve in (*self.curves.values(), *self.axes.values()))

    def update(self, run: Run, last: int) -> None:
        """Read the events of the run after ``seq`` up to the number ``last``; all of them after some could not be read."""
        if self.problem:
            self._clear()
        try:
            self.problem = ""
            self._update(run, last)
        except UNREADABLE as error:
            self._clear()
            self.problem = problem(error)
            self._update(run, last)

    def _clear(self) -> None:
        self.seq, self.curves, self.axes, self.resumes = 0, {}, {}, []

    def _update(self, run: Run, last: int) -> None:
        started = queries.starts(run.pk, self.seq, last)
        if any(payload["resumed_from"] < self._reached for _, _, payload in started) or self._another_length(started):
            self._clear()
            started = queries.starts(run.pk, 0, last)
        for seq, at, payload in started:
            self.start = self.start or _milliseconds(at)
            self.total = payload["total_steps"]
            self.resumes.append((seq, payload["resumed_from"]))
        width = width_of(self.total)
        for seq, at, payload in self._measurements(run, self.seq, last):
            self._add(self.curves, width, seq, _milliseconds(at), payload)
            self._add_axes(width, seq, _milliseconds(at), payload)
        self.seq = last

    def _measurements(self, run: Run, after: int, last: int) -> Iterable[tuple[int, datetime, dict[str, Any]]]:
        return queries.measurements(run.pk, after, last, in_files=not self.problem)

    def between(self, run: Run, first: int, last: int) -> "RunCurves":
        """Return the curves of the steps from ``first`` to ``last`` alone, in bins as narrow as their number allows."""
        wanted = [bounds for curve in self.curves.values() if (bounds := _events(curve, first, last))]
        part = RunCurves(self.seq, self.total, self.start, self.resumes)
        if wanted:
            begin, end = min(begin for begin, _ in wanted), max(end or self.seq for _, end in wanted)
            for seq, at, payload in self._measurements(run, begin - 1, end):
                if first <= payload["step"] <= last:
                    self._add(part.curves, width_of(last - first), seq, _milliseconds(at), payload)
        return part

    @property
    def _reached(self) -> int:
        return max((curve.last_step for curve in self.curves.values()), default=0)

    def _another_length(self, started: Iterable[tuple[int, Any, dict[str, Any]]]) -> bool:
        return bool(self.total) and any(payload["total_steps"] != self.total for _, _, payload in started)

    def _add(self, curves: dict[str, Curve], width: int, seq: int, at: int, payload: dict[str, Any]) -> None:
        step: int = payload["step"]
        if is_void(self.resumes, seq, step):
            return
        ends = extremes(payload)
        for name, value in measured(payload).items():
            curve = curves.setdefault(name, Curve(width))
            if isinstance(value, str):
                curve.add_bad(step, value, at - self.start)
            else:
                curve.add(step, value, at - self.start, seq, ends.get(name, ()))

    def _add_axes(self, width: int, seq: int, at: int, payload: dict[str, Any]) -> None:
        if not is_void(self.resumes, seq, payload["step"]):
            for name, value in axes(payload).items():
                self.axes.setdefault(name, Curve(width)).add(payload["step"], value, at - self.start, seq)

    def packed(self, width: int) -> dict[str, Any]:
        """Return the run for static/js/bins.js, in bins of at least ``width`` steps, as partial where events are left out."""
        width = max([width, *(curve.width for curve in self.curves.values())])
        curves, axes = ({name: curve.packed(width) for name, curve in each.items()} for each in (self.curves, self.axes))
        whole = {"seq": self.seq, "total": self.total, "start": self.start, "width": width, "curves": curves, "axes": axes}
        return whole | ({"partial": True} if self.problem else {})


class RunCurvesCache:
    """The curves of the runs that were read last, up to ``most`` bins. Several threads may use it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._runs: OrderedDict[tuple[int, datetime], RunCurves] = OrderedDict()

    def of(self, run: Run) -> RunCurves:
        key = run.pk, run.created_at
        with self._lock:
            curves = self._runs.setdefault(key, RunCurves())
            self._runs.move_to_end(key)
            return curves

    def trim(self) -> None:
        with self._lock:
            size = sum(curves.size for curves in self._runs.values())
            while size > self._most:
                size -= self._runs.popitem(last=False)[1].size


CACHE = RunCurvesCache(MOST_CACHED)


def binned(runs: Collection[Run]) -> dict[int, dict[str, Any]]:
    """Return the curves of runs for a page, by their ids, up to their newest events; many runs have fewer bins each."""
    return _binned(runs)[0]


def _binned(runs: Collection[Run]) -> tuple[dict[int, dict[str, Any]], list[str]]:
    """Return also a sentence for each reason why some of the curves are partial."""
    packed, problems = dict[int, dict[str, Any]](), dict[str, None]()
    for run, last in _with_last(runs):
        curves = CACHE.of(run)
        with curves.lock:
            if last != curves.seq or curves.problem:
                curves.update(run, last)
            problems |= {curves.problem: None} if curves.problem else {}
            packed[run.pk] = curves.packed(width_of(curves.total, _bins_each(len(runs))))
    CACHE.trim()
    named, further = list(problems)[:MOST_NAMED], len(problems) - MOST_NAMED
    return packed, [*named, *([f"And {further} more."] if further > 0 else []), INCOMPLETE] if problems else []


def wired(drawn: Mapping[int, Mapping[str, Any]], runs: Collection[Run]) -> dict[str, Any]:
    """Return what static/js/live.js needs to draw these runs and to add to them what is new."""
    curves, unreadable = _binned(runs)
    samples = samples_for_page({run: packed["seq"] for run, packed in curves.items()})
    about = {"metrics": for_scripts(), "most": _bins_each(len(runs)), "unreadable": unreadable}
    return {"runs": drawn, "curves": curves, "samples": samples, **about}


def between(runs: Collection[Run], first: int, last: int) -> dict[int, dict[str, Any]]:
    """Return the curves of the steps from ``first`` to ``last`` of these runs, in the narrower bins that so few steps allow."""
    binned(runs)
    width = width_of(last - first, _bins_each(len(runs)))
    packed = {}
    for run in runs:
        curves = CACHE.of(run)
        with curves.lock:
            packed[run.pk] = curves.between(run, first, last).packed(width)
    return packed


def _bins_each(runs: int) -> int:
    return max(LEAST, min(MOST, MOST_OF_ALL // max(1, runs * len(METRICS))))


def _with_last(runs: Collection[Run]) -> list[tuple[Run, int]]:
    """Return runs with the number of their newest event, which may be later than the objects."""
    newest = queries.last_events([run.pk for run in runs])
    return [(run, newest.get(run.pk, 0)) for run in runs]


def _events(curve: Curve, first: int, last: int) -> tuple[int, int] | None:
    """Return numbers of events between which all points of these steps are; the end is 0 where no bin follows."""
    bins = list(curve.bins.values())
    within = [place for place, each in enumerate(bins) if each.last_step >= first and each.first <= last]
    if not within:
        return None
    after = within[-1] + 1
    return bins[within[0]].seq, bins[after].seq if after < len(bins) else 0


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
