"""The tools around a list of experiments: saved views above it, and the bar with which chosen experiments are changed."""

from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import User
from django.http import QueryDict

from webapp.access import Access, access_of
from webapp.actions.saved_views import may_delete
from webapp.organising import queries
from webapp.organising.models import SavedView
from webapp.pages.experiments.list_address import ListAddress

FAVOURITES = "favourite=1"
"""The query of the list of an account's favourites."""


@dataclass(frozen=True)
class ShownView:
    """A saved view as a link; ``owner`` is empty for one of the account itself."""

    view: SavedView
    query: str
    chosen: bool
    owner: str
    deletable: bool


class ListTools:
    def __init__(self, viewer: User, address: ListAddress) -> None:
        self.viewer, self.query = viewer, address.query(after="", before="")

    @cached_property
    def views(self) -> list[ShownView]:
        return [self._shown(view) for view in queries.saved_views(self.viewer)]

    def _shown(self, view: SavedView) -> ShownView:
        query = ListAddress.read(QueryDict(view.query)).query()
        own = view.owner_id == self.viewer.pk
        owner = "" if own else view.owner.get_username()
        return ShownView(view, query, query == self.query, owner, own or may_delete(view, self.viewer))

    @property
    def deletable(self) -> list[ShownView]:
        return [shown for shown in self.views if shown.deletable]

    @property
    def favourites(self) -> bool:
        """Return whether the list shows the favourites."""
        return self.query == FAVOURITES

    @cached_property
    def shares(self) -> bool:
        """Return whether the account may share views."""
        return access_of(self.viewer) >= Access.MEMBER
