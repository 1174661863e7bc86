"""The curves of compared experiments and runs in one chart: a line for each role, method and pair, over all seeds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from training import ExperimentSpec, Triplet, catalog
from webapp.charts.live import Series, live_chart
from webapp.charts.styles import CEILING, MORE_DASHES, WEAK, Dash, Style
from webapp.experiments import queries
from webapp.experiments.models import COMPARED, Experiment, Run
from webapp.findings.curve_text import curve_text
from webapp.findings.curves import run_rows
from webapp.findings.pairs import Lane, Segment, expected_steps, latest_of, length_of, own_metrics, pairs_of
from webapp.findings.run_curves import wired
from webapp.findings.wording import lower, short_methods, short_model
from webapp.live.runs_consumer import MOST_RUNS
from webapp.pages.experiments.compared_runs import ComparedRun
from webapp.pages.experiments.run_settings import role_of, steps_of

CHART = "compare-chart"

MOST_LINES, SHOWN_LINES = 50, 10
"""Lines of the chart, and those that are shown at first; the legend shows the others."""

TOKENS = ("naive", "rose", "lagoon", "violet", "olive", "orchid", "cocoa", "conf", "slate", "indigo")
"""Colours, one for each experiment or run in their order; a further one has the first again, and its name."""

DASHES: tuple[Dash, ...] = ([1, 0], *MORE_DASHES)


@dataclass(frozen=True)
class Line:
    """A line before its runs are read: ``owners`` are the experiments or the run that it is named by."""

    series: Series
    owners: tuple[str, ...]
    keys: Mapping[str, int]
    """The seed of each run, by its key."""
    rank: int
    """Its place in its experiment: students first, then supervisors and ceilings."""

    @property
    def title(self) -> str:
        more = f" +{len(self.owners) - 1}" if len(self.owners) > 1 else ""
        return f"{self.owners[0]}{more} {self.series.title}"


@dataclass
class Curves:
    """The chart of a comparison. Runs that several experiments share are one line."""

    experiments: Sequence[Experiment]
    runs: Sequence[ComparedRun]
    lines: list[Line] = field(init=False)
    left_out: int = field(init=False)

    def __post_init__(self) -> None:
        everything: list[Line] = []
        for column, experiment in enumerate(self.experiments):
            for line in _of_experiment(experiment, column):
                _add(everything, line)
        for column, row in enumerate(self.runs, len(self.experiments)):
            everything.append(_of_run(row, column))
        self.lines = _within_limits(everything)
        self.left_out = len(everything) - len(self.lines)

    @cached_property
    def hidden(self) -> list[str]:
        """The lines that are not shown at first: each experiment's first student comes before the second of any other."""
        ranked = sorted(self.lines, key=lambda line: line.rank)
        return [line.series.id for line in ranked[SHOWN_LINES:]]

    @property
    def shown(self) -> int:
        return len(self.lines) - len(self.hidden)

    @cached_property
    def known(self) -> dict[str, Run]:
        keys = {key for line in self.lines for key in line.keys}
        return {run.key: run for run in Run.objects.filter(key__in=keys).defer("log", "error")} if keys else {}

    @property
    def series(self) -> list[Series]:
        """Return the lines with their titles and lengths."""
        steps = [[self.known[key].total_steps for key in line.keys if key in self.known] for line in self.lines]
        lengths = [max(totals, default=0) or line.series.steps for totals, line in zip(steps, self.lines, strict=True)]
        return [replace(line.series, title=line.title, steps=steps) for line, steps in zip(self.lines, lengths, strict=True)]

    @cached_property
    def chart(self) -> dict[str, Any]:
        series, seeds = self.series, max(len(line.keys) for line in self.lines)
        return live_chart(series, max(line.steps for line in series), seeds, self.hidden)

    @cached_property
    def drawn(self) -> dict[int, dict[str, Any]]:
        """The place of each run in the chart, by its id; a run of two lines has its second place at the negative id."""
        places: dict[int, dict[str, Any]] = {}
        for line in self.lines:
            for key, seed in line.keys.items():
                if run := self.known.get(key):
                    title = line.title if line.series.whole else f"{line.title}, seed {seed}"
                    at = -run.pk if run.pk in places else run.pk
                    places[at] = {"series": line.series.id, "seed": seed, "title": title, **length_of(run.run_spec)}
        return places

    @property
    def curve_rows(self) -> Iterator[dict[str, Any]]:
        """Yield every measurement of every run, each once."""
        runs = {run.pk: run for run in self.known.values()}
        for pk, place in self.drawn.items():
            if pk > 0:
                yield from run_rows(runs[pk], _about(place))

    @property
    def curve_text(self) -> str:
        """The chart in words."""
        newest = queries.newest(run.pk for run in self.known.values())
        lanes = [Lane(line.series, WEAK, "", segments=self._segments(line)) for line in self.lines]
        return curve_text((line.title, latest_of(lane, newest)) for line, lane in zip(self.lines, lanes, strict=True))

    def _segments(self, line: Line) -> list[Segment]:
        return [Segment(seed, self.known[key]) for key, seed in line.keys.items() if key in self.known]

    @property
    def wire(self) -> dict[str, Any]:
        """The data for static/js/live.js, but what the runs have so far."""
        query = urlencode({"runs": ",".join(str(pk) for pk in self.drawn if pk > 0)})
        return {"chart": CHART, "socket": f"/ws/runs/?{query}", "reloads": True}

    @property
    def content(self) -> dict[str, Any]:
        """The curves and samples of the runs so far."""
        content = wired(self.drawn, list(self.known.values()))
        both = {pk: content["curves"][-pk] for pk in self.drawn if pk < 0}
        return {**content, "curves": {**content["curves"], **both}}


def _about(place: Mapping[str, Any]) -> dict[str, Any]:
    return {name: place[name] for name in ("series", "title", "seed")}


def _of_experiment(experiment: Experiment, column: int) -> Iterable[Line]:
    """Return the lines of each pair: students, then supervisor and ceiling, in the colour of the experiment."""
    spec, number = experiment.experiment_spec, f"#{experiment.pk}"
    shorts, pairs = short_methods(spec), pairs_of(spec)
    triplets = [Triplet(**triplet) for triplet in experiment.triplets]
    for pair in pairs:
        of_pair = [triplet for triplet in triplets if (triplet.weak_model, triplet.strong_model) == (pair.weak, pair.strong)]
        names = {"weak": short_model(pair.weak), "student": short_model(pair.strong), "ceiling": short_model(pair.strong)}
        lines = [("student", method, lower(short)) for method, short in enumerate(shorts)]
        lines += [("weak", 0, "supervisor"), ("ceiling", 0, "ceiling")]
        for place, (role, method, title) in enumerate(lines):
            keys = {getattr(triplet, role): triplet.seed for triplet in of_pair if triplet.method == method}
            if keys:
                full = f"{title}, {names[role]}" if len(pairs) > 1 else title
                id = f"e{experiment.pk}-{pair.index}-{role}{method}"
                series = _series(id, role, full, spec, method, Style(TOKENS[column % len(TOKENS)], DASHES[place % len(DASHES)]))
                yield Line(series, (number,), keys, len(lines) * pair.index + place)


def _series(id: str, role: Any, title: str, spec: ExperimentSpec, method: int, style: Style) -> Series:
    steps = expected_steps(spec, role)
    known = catalog.known_dataset(spec.data.name)
    writes = known is not None and known.answers is not None
    if role != "student":
        dashed = Style(style.token, (WEAK if role == "weak" else CEILING).dash)
        return Series(id, role, title, steps, own=own_metrics(None, spec.data.name, writes), style=dashed)
    learning = spec.methods[method]
    return Series(id, role, title, steps, learning.kind, own=own_metrics(learning, spec.data.name, writes), style=style)


def _of_run(row: ComparedRun, column: int) -> Line:
    """Return the line of a single run: a curve to its end, whatever its role."""
    spec, style = row.spec, Style(TOKENS[column % len(TOKENS)], DASHES[column // len(TOKENS) % len(DASHES)])
    role: Any = row.role.value if row.role in COMPARED else "student"
    own = () if spec.reads else own_metrics(spec.method if role == "student" else None, spec.dataset, spec.writes)
    title = f"{lower(role_of(row.role, spec).removeprefix('Student, '))}, seed {spec.seed}"
    steps = steps_of(row.run, spec)
    series = Series(f"r{row.run.pk}", role, title, steps, spec.method.kind, spec.reads, own, style=style, whole=True)
    return Line(series, (f"run {row.run.pk}",), {row.run.key: spec.seed}, 0)


def _add(lines: list[Line], line: Line) -> None:
    """Add a line, or the experiment's number to the line that has some of its runs already: only their seeds differ."""
    for at, other in enumerate(lines):
        if other.series.role == line.series.role and not other.keys.keys().isdisjoint(line.keys):
            owners = tuple(dict.fromkeys([*other.owners, *line.owners]))
            lines[at] = replace(other, owners=owners, keys={**other.keys, **line.keys}, rank=min(other.rank, line.rank))
            return
    lines.append(line)


def _within_limits(lines: Sequence[Line]) -> list[Line]:
    """Return the first lines, with at most as many runs as a socket takes."""
    chosen: list[Line] = []
    runs: set[str] = set()
    for line in lines:
        if len(chosen) < MOST_LINES and len(runs.union(line.keys)) <= MOST_RUNS:
            chosen.append(line)
            runs.update(line.keys)
    return chosen
