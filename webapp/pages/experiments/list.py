"""The list of experiments and the content of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from training.metrics.results import Group
from webapp.charts.styles import Style, style_of
from webapp.charts.svg import pgr_row
from webapp.experiments import listing, queries
from webapp.experiments.listing import Order
from webapp.experiments.listing_models import State
from webapp.experiments.models import Experiment
from webapp.experiments.progress import progress
from webapp.findings.pairs import Pair, runs_text
from webapp.findings.wording import count, dataset_title, duration, kind_title, kinds_text, lower, short_model, time_left
from webapp.organising import queries as organising
from webapp.organising.models import Project
from webapp.pages.experiments.list_address import COLUMNS, SHOWN, ListAddress, columns_in
from webapp.row_isolation import Isolated

PER_PAGE = 25
STYLES = {"running": "live", "stopping": "live", "finished": "done", "failed": "bad", "stopped": "part"}
AT_WORK = ("running", "stopping")
OTHERS = 3
"""Further experiments at work that the page names."""


class Line:
    """One experiment in the list, from the columns of its row."""

    def __init__(self, experiment: Experiment, now: datetime, tags: Sequence[str] = (), favourite: bool = False) -> None:
        self.experiment, self.tags, self.favourite = experiment, tags, favourite
        self.state = experiment.state
        self.pair = Pair(0, experiment.weak_model, experiment.strong_model)
        self.dataset = dataset_title(experiment.dataset)
        self.kinds = [kind for kind in experiment.methods.split(",") if kind]
        self.methods = kinds_text(self.kinds)
        self.age = duration(now - experiment.created_at)
        self.ended = f"{duration(now - experiment.ended_at)} ago" if experiment.ended_at else ""
        self.groups = self._groups()

    def _groups(self) -> list[Group]:
        groups = self.experiment.result["groups"] if self.experiment.result else []
        first = (self.pair.weak, self.pair.strong)
        return [Group.model_validate(group) for group in groups if (group["weak_model"], group["strong_model"]) == first]

    @property
    def more(self) -> str:
        return f"and {count(self.experiment.pairs - 1, 'more pair')}" if self.experiment.pairs > 1 else ""

    @property
    def drawn(self) -> bool:
        """Return whether the picture shows anything."""
        return any(group.seeds for group in self.groups)

    @property
    def word(self) -> str:
        unclear = self.experiment.pgr_state
        if self.state == "finished" and unclear and self.experiment.pgr is None:
            return "No headroom" if unclear == "saturated" else unclear.capitalize()
        return State(self.state).label

    @property
    def style(self) -> str:
        return "part" if self.word not in State.labels else STYLES.get(self.state, "")

    @property
    def progress(self) -> str:
        """The line below the state of an experiment that is not done."""
        total = self.experiment.runs_total
        if self.state == "finished" or not total:
            return ""
        return f"{self.experiment.runs_finished} of {count(total, 'run')}"

    @property
    def picture(self) -> SafeString:
        return mark_safe(pgr_row(self.groups))  # nosec B308, B703 # our own SVG, escaped by ElementTree


@dataclass(frozen=True)
class Choice:
    """A value of a filter, an order or a column, with the address that chooses it."""

    value: str
    title: str
    chosen: bool
    query: str = ""
    number: int | None = None


@dataclass(frozen=True)
class Select:
    """A filter of the form, with its choices."""

    name: str
    title: str
    choices: Sequence[Choice]


@dataclass(frozen=True)
class Header:
    """A column of the table; ``query`` sorts by it, and is empty where that is not possible."""

    name: str
    title: str
    query: str
    sorted: str
    """The value of aria-sort: ascending, descending, or empty."""

    @property
    def classes(self) -> str:
        return {"id": "id", "pgr": "plot", "seeds": "r", "created": "r", "ended": "r"}.get(self.name, "")


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


class ListPage:
    """A page of the list. Neither the number of queries nor that of the rows read depends on the number of experiments."""

    def __init__(self, viewer: User | AnonymousUser, address: ListAddress, columns: str = "") -> None:
        self.viewer, self.address, self.selection = viewer, address, address.selection
        self.columns = columns_in(address.columns or columns) or SHOWN
        self.page = self.selection.page(viewer, PER_PAGE, address.after, address.before)
        isolated, now = Isolated("the list"), timezone.now()
        rows = {row.pk: row for row in self.page.rows}
        tags, favourites = organising.tags_of(rows), organising.favourites_of(viewer, rows)
        self.lines = isolated.all(list(rows), lambda pk: Line(rows[pk], now, tags.get(pk, ()), pk in favourites))
        read = {line.experiment.pk for line in self.lines}
        self.damaged = [row for pk, row in rows.items() if pk not in read]
        """The experiments of the page whose record cannot be read."""

    @property
    def earlier(self) -> str:
        """The query of the page before; empty if there is none."""
        return self.address.query(before=self.page.before) if self.page.before else ""

    @property
    def later(self) -> str:
        return self.address.query(after=self.page.after) if self.page.after else ""

    @cached_property
    def states(self) -> list[Choice]:
        counts, chosen = self.selection.counts(self.viewer), self.address.filters.get("state", "")
        choices = [Choice("", "All", not chosen, self.address.query(state=""), sum(counts.values()))]
        for state in State:
            if state in counts or state == chosen:
                query = self.address.query(state=state.value)
                choices.append(Choice(state.value, state.label, state == chosen, query, counts.get(state, 0)))
        return choices

    @cached_property
    def projects(self) -> list[Project]:
        """The projects that are offered."""
        return list(organising.projects()[: organising.MOST_PROJECTS])

    @cached_property
    def tag_names(self) -> list[str]:
        return organising.tag_names()

    @cached_property
    def selects(self) -> list[Select]:
        """The filters of which one value is chosen from a list."""
        values = listing.choices()
        projects = {str(project.pk): project.name for project in self.projects}
        selects = [
            self._select("project", "Project", {"none": "None", **projects}),
            self._select("tag", "Tag", {name: name for name in self.tag_names}),
            self._select("owner", "Owner", {name: name for name in listing.owners()}),
            self._select("dataset", "Data set", {name: dataset_title(name) for name in values["dataset"]}),
            self._select("model", "Model", {name: short_model(name) for name in values["model"]}),
            self._select("method", "Method", {kind: kind_title(kind) for kind in values["method"]}),
        ]
        return [select for select in selects if select.name not in self.address.fixed]

    def _select(self, name: str, title: str, titles: dict[str, str]) -> Select:
        chosen = self.address.filters.get(name, "")
        if chosen and chosen not in titles:
            titles = {**titles, chosen: chosen}
        ordered = sorted(titles.items(), key=lambda item: item[1].casefold())
        return Select(name, title, [Choice(value, text, value == chosen) for value, text in ordered])

    @cached_property
    def narrowed(self) -> list[Choice]:
        """The filters in force except state and search, each with the address without it."""
        titles = {
            select.name: (select.title, {choice.value: choice.title for choice in select.choices}) for select in self.selects
        }
        titles |= {"favourite": ("Favourites", {"1": "yours"})}
        titles |= {"since": ("Since", {}), "until": ("Until", {}), "archived": ("Archived", {"all": "too", "only": "only"})}
        return [
            Choice(name, f"{titles[name][0]}: {titles[name][1].get(value, value)}", True, self.address.query(**{name: ""}))
            for name, value in self.address.filters.items()
            if name in titles
        ]

    @property
    def headers(self) -> list[Header]:
        names = ["id", "name", *self.columns]
        titles = {"id": "Number", "name": "Experiment", **COLUMNS}
        return [self._header(name, titles[name]) for name in names]

    def _header(self, name: str, title: str) -> Header:
        order = self.address.order
        if name not in listing.SORTS:
            return Header(name, title, "", "")
        current = order.name == name
        descending = not order.descending if current else name in FROM_THE_TOP
        query = self.address.query(sort=str(Order(name, descending)))
        return Header(name, title, query, ("descending" if order.descending else "ascending") if current else "")

    @property
    def orders(self) -> list[Choice]:
        """The orders that the form offers, each in both directions."""
        current = self.address.order
        orders = [Order(name, descending) for name in ORDERS for descending in (True, False)]
        return [Choice(str(order), ORDERS[order.name][not order.descending], order == current) for order in orders]

    @property
    def choosable(self) -> list[Choice]:
        return [Choice(name, title, name in self.columns) for name, title in COLUMNS.items()]

    @property
    def kinds(self) -> list[Kind]:
        """The methods of the pictures, in the order of their rows."""
        drawn = dict.fromkeys(kind for line in self.lines if line.drawn for kind in line.kinds)
        return [Kind(lower(kind_title(kind)), style_of(kind)) for kind in drawn]

    @cached_property
    def at_work(self) -> AtWork | None:
        working = queries.visible(self.viewer).filter(state__in=AT_WORK).order_by("pk").defer(*listing.LARGE, "result")
        first, *others = working[: OTHERS + 1] or [None]
        if first is None:
            return None
        current = progress(first)
        return AtWork(
            experiment=first,
            state=State(first.state).label,
            runs=runs_text(first.run_counts),
            percent=round(100 * current.fraction, 1),
            left=time_left(current.seconds_left, estimating=current.estimating),
            others=[other for other in others if other],
        )


FROM_THE_TOP = ("id", "pgr", "created", "ended")
"""Columns of which the first click shows the largest value first."""

ORDERS = {
    "id": ("Newest first", "Oldest first"),
    "ended": ("Last ended first", "First ended first"),
    "pgr": ("Highest PGR first", "Lowest PGR first"),
    "name": ("Name, from Z", "Name, from A"),
    "state": ("State, from Z", "State, from A"),
    "owner": ("Owner, from Z", "Owner, from A"),
    "dataset": ("Data set, from Z", "Data set, from A"),
    "models": ("Models, from Z", "Models, from A"),
}
"""The titles of orders, descending and ascending."""
