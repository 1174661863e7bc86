"""The list of experiments and the content of its rows."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Page, Paginator
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from training.metrics.results import Group, Result
from webapp.charts.styles import Style, style_of
from webapp.charts.svg import pgr_row
from webapp.experiments import queries
from webapp.experiments.listing_models import State
from webapp.experiments.models import Experiment, Status
from webapp.experiments.progress import progress
from webapp.findings.pairs import Pair, pairs_of, runs_text
from webapp.findings.wording import count, dataset_title, duration, kinds_text, lower, method_title, time_left
from webapp.row_isolation import Isolated

PER_PAGE = 25
STYLES = {"running": "live", "stopping": "live", "finished": "done", "failed": "bad", "stopped": "part"}
AT_WORK = ("running", "stopping")


class Line:
    """One experiment in the list."""

    def __init__(self, experiment: Experiment, now: datetime) -> None:
        self.experiment = experiment
        self.spec = experiment.experiment_spec
        self.state = experiment.state
        self.pairs: list[Pair] = pairs_of(self.spec)
        self.dataset = dataset_title(self.spec.data.name)
        self.methods = kinds_text(self.spec)
        self.age = duration(now - experiment.created_at)
        self.groups = self._groups()

    def _groups(self) -> list[Group]:
        if self.experiment.result is None:
            return []
        groups = Result.model_validate(self.experiment.result).groups
        first = self.pairs[0]
        return [group for group in groups if (group.weak_model, group.strong_model) == (first.weak, first.strong)]

    @property
    def pair(self) -> Pair:
        return self.pairs[0]

    @property
    def more(self) -> str:
        return f"and {count(len(self.pairs) - 1, 'more pair')}" if len(self.pairs) > 1 else ""

    @property
    def resolved(self) -> bool:
        return any(group.state == "ok" for group in self.groups)

    @property
    def drawn(self) -> bool:
        """Return whether the picture shows anything."""
        return any(group.seeds for group in self.groups)

    @property
    def word(self) -> str:
        if self.state == "finished" and self.groups and not self.resolved:
            return "No headroom" if self.groups[0].state == "saturated" else self.groups[0].state.capitalize()
        return State(self.state).label

    @property
    def style(self) -> str:
        return "part" if self.word not in State.labels else STYLES.get(self.state, "")

    @property
    def progress(self) -> str:
        """The line below the state of an experiment that is not done."""
        counts = self.experiment.run_counts
        total = sum(counts.values())
        if self.state == "finished" or not total:
            return ""
        return f"{counts[Status.FINISHED]} of {count(total, 'run')}"

    @property
    def picture(self) -> SafeString:
        return mark_safe(pgr_row(self.groups))  # nosec B308, B703 # our own SVG, escaped by ElementTree


@dataclass(frozen=True)
class Filter:
    state: str
    title: str
    number: int


@dataclass(frozen=True)
class Kind:
    """A kind of method that the pictures of the list show."""

    title: str
    style: Style


@dataclass(frozen=True)
class AtWork:
    """The running experiments, for the top of the page."""

    experiment: Experiment
    state: str
    runs: str
    percent: float
    left: str
    others: list[Experiment]


@dataclass(frozen=True)
class Listing:
    page: Page[Experiment]
    lines: list[Line]
    damaged: list[Experiment]
    """The experiments of the page whose record cannot be read."""
    filters: list[Filter]
    at_work: AtWork | None
    nothing: bool
    """True if there is no experiment at all."""

    @property
    def kinds(self) -> list[Kind]:
        """The methods of the pictures, in the order of their rows."""
        drawn = [method for line in self.lines if line.drawn for method in line.spec.methods]
        titles = {method.kind: lower(method_title(method)) for method in drawn}
        return [Kind(title, style_of(kind)) for kind, title in titles.items()]


def listing(viewer: User | AnonymousUser, text: str, state: str, number: str) -> Listing:
    """Return a page of the list. The number of queries does not depend on the number of experiments."""
    everything = queries.listed(viewer).defer("spec", "triplets", "result", "result_runs", "result_error")
    known = list(everything)
    states = {experiment.pk: experiment.state for experiment in known}
    named = [experiment for experiment in known if queries.is_named(experiment, text)]
    counts = [states[experiment.pk] for experiment in named]
    filters = [Filter("", "All", len(named))]
    filters += [Filter(name, title, counts.count(name)) for name, title in State.choices if name in counts or name == state]
    chosen = [experiment for experiment in named if not state or states[experiment.pk] == state]
    page = Paginator(chosen, PER_PAGE).get_page(number)
    isolated, now = Isolated("the list"), timezone.now()
    listed = queries.listed(viewer).defer("triplets", "result_runs").filter(pk__in=[experiment.pk for experiment in page])
    shown = {experiment.pk: experiment for experiment in listed}
    lines = isolated.all(list(shown), lambda pk: Line(shown[pk], now))
    read = {line.experiment.pk for line in lines}
    damaged = [experiment for pk, experiment in shown.items() if pk not in read]
    working = [experiment for experiment in reversed(known) if states[experiment.pk] in AT_WORK and experiment not in damaged]
    return Listing(page, lines, damaged, filters, at_work(working, states) if working else None, not known)


def at_work(working: list[Experiment], states: dict[int, str]) -> AtWork:
    first, *others = working
    current = progress(first)
    return AtWork(
        experiment=first,
        state=State(states[first.pk]).label,
        runs=runs_text(first.run_counts),
        percent=round(100 * current.fraction, 1),
        left=time_left(current.seconds_left, estimating=current.estimating),
        others=others,
    )
