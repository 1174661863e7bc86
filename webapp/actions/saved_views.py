"""Saving and deleting views of the list of experiments: the view, then, where others see it, the audit log."""

from django.contrib.auth.models import User
from django.db import transaction

from webapp.access import Access, access_of, demand
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.organising import services
from webapp.organising.models import SavedView


@transaction.atomic
def save(owner: User, name: str, query: str, *, shared: bool) -> SavedView:
    """Save a view, in place of the owner's view with this name. Raises ValueError with a sentence for invalid input.

    Raises PermissionDenied for an account that may not change anything for others.
    """
    was_shared = SavedView.objects.filter(owner=owner, name=name, shared=True).exists()
    if shared or was_shared:
        demand(owner, Access.MEMBER)
    view = services.save_view(owner, name, query, shared)
    if shared or was_shared:
        tell(owner, Verb.SHARED if shared else Verb.REVOKED, "view", view.pk, view.name, query=view.query[:200])
    return view


@transaction.atomic
def delete(view: SavedView, by: User) -> None:
    pk, name, shared = view.pk, view.name, view.shared
    view.delete()
    if shared:
        tell(by, Verb.DELETED, "view", pk, name)


def may_delete(view: SavedView, by: User) -> bool:
    """Return whether the account may delete the view: its owner may, and administrators if it is shared."""
    return view.owner_id == by.pk or (view.shared and access_of(by) == Access.ADMIN)
