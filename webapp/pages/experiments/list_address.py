"""The address of a list of experiments: filters, order, columns and page, all of its state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from webapp.experiments.listing import FILTERS, NEWEST_FIRST, Order, Selection
from webapp.experiments.listing_models import State
from webapp.parsing import whole

COLUMNS = {
    "dataset": "Data set",
    "models": "Weak to strong",
    "methods": "Methods",
    "seeds": "Seeds",
    "state": "State",
    "pgr": "PGR, 95% interval",
    "owner": "Owner",
    "created": "Age",
    "ended": "Ended",
}
"""Columns that may be shown, in their order; number and name always are."""

SHOWN = ("models", "methods", "seeds", "state", "pgr", "owner", "created")
"""The columns for who has not chosen any."""


def columns_in(text: str) -> tuple[str, ...]:
    """Return the columns that a text such as models,pgr names, in their order."""
    named = text.split(",")
    return tuple(name for name in COLUMNS if name in named)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


KNOWN: dict[str, Callable[[str], bool]] = {
    "state": State.values.__contains__,
    "project": lambda text: text == "none" or whole(text) is not None,
    "since": _is_date,
    "until": _is_date,
    "favourite": lambda text: text == "1",
    "archived": ("all", "only").__contains__,
}
"""Tests of values of filters that are no free text: a value that fails is no filter."""


@dataclass(frozen=True)
class ListAddress:
    """The content of an address of a list; defaults are left out of the query.

    ``fixed`` are the filters that the list at ``path`` always has, such as its project; the query does not have them.
    """

    filters: Mapping[str, str]
    order: Order = NEWEST_FIRST
    columns: str = ""
    after: str = ""
    before: str = ""
    path: str = ""
    fixed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, query: QueryDict, path: str = "", fixed: Mapping[str, str] | None = None) -> Self:
        fixed, path = fixed or {}, path or reverse("experiments")
        filters = {name: query.get(name, "").strip() for name in FILTERS if name not in fixed}
        columns = ",".join(columns_in(",".join(query.getlist("columns"))))
        given = {name: value for name, value in filters.items() if value and "\0" not in value and KNOWN.get(name, bool)(value)}
        order, after, before = Order.read(query.get("sort", "")), query.get("after", ""), query.get("before", "")
        return cls(given, order, columns, after, before, path, fixed)

    @property
    def selection(self) -> Selection:
        return Selection({**self.filters, **self.fixed}, self.order)

    def url(self, **changes: str) -> str:
        """Return the address with the changes of ``query``."""
        query = self.query(**changes)
        return f"{self.path}?{query}" if query else self.path

    def query(self, **changes: str) -> str:
        """Return the query with other values of ``changes``: names of filters, sort, columns, after, before.

        Any change but one of the page leads to the first page.
        """
        pages = {"after": self.after, "before": self.before} if not changes else {}
        order = "" if self.order == NEWEST_FIRST else str(self.order)
        values = {**self.filters, "sort": order, "columns": self.columns, **pages, **changes}
        return urlencode({name: value for name, value in values.items() if value})
