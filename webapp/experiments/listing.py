"""Lists of experiments for every interface: filters, search, order, and pages that begin after the last row of the one before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from django.contrib.auth.models import User
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Value
from django.utils import timezone

from webapp.experiments.keyset import Cursor, Rows, next_ids, read_cursor, write_cursor
from webapp.experiments.listing_models import ExperimentFacet, Facet, ListRevision, State
from webapp.experiments.models import Experiment
from webapp.experiments.queries import IMPORTED, LONGEST_NAME, Viewer, visible
from webapp.parsing import whole

LARGE = ("spec", "triplets", "result_runs", "result_error", "origin")
"""Large columns that no list shows."""


# Filters: the rows of a queryset that match a value of the address.


def _named(rows: Rows, text: str, _: Viewer) -> Rows:
    """Match a part of the name, or the number after a #."""
    number = whole(text.removeprefix("#")) if text.startswith("#") else None
    if number is not None:
        return rows.filter(pk=number)
    return rows.filter(search_name__contains=text.casefold()) if len(text) <= LONGEST_NAME else rows.none()


def newest_named(viewer: Viewer, text: str, most: int) -> list[int]:
    """Return the newest experiments with the text in their names.

    The index of names alone is read, since an order by the bare number would read the large rows until some match.
    """
    named = visible(viewer).filter(search_name__contains=text.casefold())
    return list(named.order_by((F("pk") + 0).desc()).values_list("pk", flat=True)[:most])


def _state(rows: Rows, state: str, _: Viewer) -> Rows:
    return rows.filter(state=state)


def _owner(rows: Rows, name: str, _: Viewer) -> Rows:
    return rows.filter(owner__username=name)


def _dataset(rows: Rows, name: str, _: Viewer) -> Rows:
    return rows.filter(dataset=name)


def _facet(kind: Facet.Kind) -> Callable[[Rows, str, Viewer], Rows]:
    def of_kind(rows: Rows, value: str, _: Viewer) -> Rows:
        facet = Facet.objects.filter(kind=kind, value=value).values("pk")[:1]
        return rows.filter(pk__in=ExperimentFacet.objects.filter(facet=Subquery(facet)).values("experiment"))

    return of_kind


def _since(rows: Rows, day: str, _: Viewer) -> Rows:
    return rows.filter(created_at__gte=_midnight(date.fromisoformat(day)))


def _until(rows: Rows, day: str, _: Viewer) -> Rows:
    last = date.fromisoformat(day)
    return rows if last == date.max else rows.filter(created_at__lt=_midnight(last + timedelta(days=1)))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time_of_day()))


def _project(rows: Rows, number: str, _: Viewer) -> Rows:
    """Match the experiments of the project, or those without one for "none"."""
    return rows.filter(project=None if number == "none" else whole(number) or 0)


def _tag(rows: Rows, name: str, _: Viewer) -> Rows:
    return rows.filter(tags__name=name.lower().removeprefix("#"))  # which an experiment has once


def _favourite(rows: Rows, _: str, viewer: Viewer) -> Rows:
    return rows.filter(favourites__account=viewer.pk)


def _archived(rows: Rows, archived: str, _: Viewer) -> Rows:
    """Match archived experiments too for "all", only them for "only"."""
    return rows if archived == "all" else rows.filter(archived_at__isnull=False)


FILTERS: dict[str, Callable[[Rows, str, Viewer], Rows]] = {
    "q": _named,
    "state": _state,
    "owner": _owner,
    "dataset": _dataset,
    "model": _facet(Facet.Kind.MODEL),
    "method": _facet(Facet.Kind.METHOD),
    "since": _since,
    "until": _until,
    "project": _project,
    "tag": _tag,
    "favourite": _favourite,
    "archived": _archived,
}
"""Filters by their names in addresses. An empty value does not filter; without ``archived``, archived ones do not match."""

UNORDERED = ("q", "dataset", "model", "method", "since", "until")
"""Filters whose rows no index has in the order of their numbers."""

SORTS: dict[str, tuple[str, ...]] = {
    "id": (),
    "name": ("search_name",),
    "state": ("state",),
    "owner": ("owner__username",),
    "dataset": ("dataset",),
    "models": ("weak_model", "strong_model"),
    "pgr": ("pgr",),
    "created": (),
    "ended": ("ended_at",),
}
"""Columns by which lists are sorted, by their names in addresses; the number, in order of creation, decides among equals."""


@dataclass(frozen=True)
class Order:
    """An order of rows: a key of SORTS, descending or not."""

    name: str = "id"
    descending: bool = True

    @classmethod
    def read(cls, text: str) -> "Order":
        """Return the order of an address, such as name or -pgr; the newest first for any other text."""
        name = text.removeprefix("-")
        return cls(name, text.startswith("-")) if name in SORTS else cls()

    def __str__(self) -> str:
        return f"{'-' if self.descending else ''}{self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (*SORTS[self.name], "pk")


NEWEST_FIRST = Order()


@dataclass(frozen=True)
class Selection:
    """The part of a list that an address asks for: values of FILTERS, and an order."""

    filters: Mapping[str, str] = field(default_factory=dict)
    order: Order = NEWEST_FIRST

    def rows(self, viewer: Viewer, without: str = "") -> Rows:
        """Return the matching experiments that the viewer may see, in no order; without one of the filters if asked.

        Raises ValueError for a date that is none.
        """
        rows = visible(viewer).order_by()
        if not self.filters.get("archived"):
            rows = rows.filter(archived_at=None)
        for name, value in self.filters.items():
            if "\0" in value:
                return rows.none()  # PostgreSQL has no text with it
            if value and name != without:
                rows = FILTERS[name](rows, value, viewer)
        return rows

    def counts(self, viewer: Viewer) -> dict[str, int]:
        """Return the number of matching experiments by state, whatever state is asked for."""
        by_state = {state: Count(Value(1), filter=Q(state=state)) for state in State.values}  # groups sort the rows
        numbers = self.rows(viewer, without="state").aggregate(**by_state)
        return {state: numbers[state] for state in State.values if numbers[state]}

    def page(self, viewer: Viewer, size: int, after: str = "", before: str = "") -> "Page":
        """Return ``size`` experiments after the cursor, or before it, or the first ones. Raises BadCursor."""
        backwards = bool(before) and not after
        columns = self.order.columns
        cursor = read_cursor(after or before, columns)
        ids = self._ids(viewer, size + 1, cursor, backwards)
        more, ids = len(ids) > size, ids[:size]
        if backwards:
            ids.reverse()
        rows = _rows_of(ids)
        earlier, later = (more, True) if backwards else (bool(after), more)
        first = write_cursor(rows[0], columns) if rows and earlier else ""
        return Page(rows, first, write_cursor(rows[-1], columns) if rows and later else "")

    def _ids(self, viewer: Viewer, number: int, cursor: Cursor = (), backwards: bool = False) -> list[int]:
        indexed = not any(self.filters.get(name) for name in UNORDERED)
        order = {"descending": self.order.descending, "backwards": backwards, "indexed": indexed}
        return next_ids(self.rows(viewer), self.order.columns, number, cursor, **order)

    def numbered(self, viewer: Viewer, number: int, size: int) -> "Page":
        """Return the page with this number, from 1. It costs more the further it is; see ``page``."""
        ids = self._ids(viewer, number * size + 1)
        rows = _rows_of(ids[(number - 1) * size : number * size])
        more = len(ids) > number * size
        return Page(rows, "", write_cursor(rows[-1], self.order.columns) if rows and more else "")


def _rows_of(ids: Sequence[int]) -> list[Experiment]:
    """The rows in the order of their ids, without those that are gone."""
    rows = Experiment.objects.filter(pk__in=ids).select_related("owner", "project").annotate(imported=IMPORTED).defer(*LARGE)
    known: dict[int, Experiment] = {row.pk: row for row in rows}
    return [known[pk] for pk in ids if pk in known]


@dataclass(frozen=True)
class Page:
    """Experiments in their order, and the cursors of the pages before and after; empty where there is none."""

    rows: Sequence[Experiment]
    before: str
    after: str


def revision() -> int:
    """Return the number that grows whenever a list may look different."""
    return ListRevision.objects.filter(pk=1).values_list("number", flat=True).first() or 0


def choices() -> dict[str, list[str]]:
    """Return the data sets, models and methods that experiments have or had, by the names of the filters."""
    values: dict[str, list[str]] = {kind: [] for kind in Facet.Kind.values}
    for kind, value in Facet.objects.order_by("kind", "value").values_list("kind", "value"):
        values[kind].append(value)
    return values


def owners() -> list[str]:
    """Return the names of accounts that own experiments."""
    owning = User.objects.filter(Exists(Experiment.objects.filter(owner=OuterRef("pk"))))
    return list(owning.order_by("username").values_list("username", flat=True))
