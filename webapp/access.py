"""Permissions: viewers read, members work, administrators may do everything; each page declares who may open it."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from webapp.experiments.models import Experiment, Run
from webapp.imports import blind

VIEWERS = "viewers"
"""The group of accounts that can only read."""

NOT_YOURS = "Only the owner of the experiment and administrators may do that. You can clone it."
NOT_YOUR_IMPORT = "Only the account that imported this data set and administrators may do that."
BLIND = (
    "The data set of this experiment is blind: single examples, predictions and archives, which tell its truth, are for the "
    "account that imported it and for administrators. Predictions may be submitted on the page of students from outside."
)
NOT_YOUR_BLIND = "The data set is blind: only the account that imported it and administrators start experiments on it."
NOT_YOUR_NOTE = "Only its author may edit this note."
NOT_YOUR_WRITING = "Only its author and administrators may remove this."
NOT_YOUR_TAG = "Only who added this tag, the owner of the experiment and administrators may remove it."
NOT_YOUR_PROJECT = "Only the account that created this project and administrators may delete it."

Anybody = User | AnonymousUser
View = TypeVar("View", bound=Callable[..., Any])


class Access(IntEnum):
    """A permission of an account, or the one that a page requires; each includes those before it.

    SHARED is for visitors with a link to a share, and for no account: the page verifies the link at each request.
    """

    PUBLIC = 0
    VIEWER = 1
    MEMBER = 2
    ADMIN = 3
    SHARED = 4


REFUSALS = {
    Access.VIEWER: "Log in first.",
    Access.MEMBER: "Your account can read everything here and change nothing. Ask an administrator to make you a member.",
    Access.ADMIN: "This is for administrators.",
}


def _rule(access: Access) -> Callable[[View], View]:
    def declare(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return declare


public, viewer, member, admin, by_link = (_rule(access) for access in Access)


def access_of(user: Anybody) -> Access:
    if not isinstance(user, User) or not user.is_active:
        return Access.PUBLIC
    if user.is_superuser:
        return Access.ADMIN
    return Access.VIEWER if user.groups.filter(name=VIEWERS).exists() else Access.MEMBER


def demand(user: Anybody, access: Access) -> None:
    """Raise PermissionDenied, with a sentence, if the account has fewer permissions."""
    if access_of(user) < access:
        raise PermissionDenied(REFUSALS[access])


def owns(user: Anybody, owner: int | None) -> bool:
    """Return whether the account may change an object of ``owner``: its owner, if still a member, and administrators may."""
    access = access_of(user)
    return access == Access.ADMIN or (access == Access.MEMBER and owner is not None and owner == user.pk)


def may_change(user: Anybody, experiment: Experiment) -> bool:
    """Return whether the account may launch and stop the experiment: its owner and administrators may."""
    return owns(user, experiment.owner_id)


def sees_truth(user: Anybody, dataset: str) -> bool:
    """Return whether the account may see true labels of the data set: everybody may, unless it is blind."""
    owner = blind.owner_of(dataset)
    return owner is None or owns(user, owner)


def demand_truth(user: Anybody, experiment: Experiment) -> None:
    """Raise PermissionDenied, with a sentence, if the account may not see true labels of the experiment's examples."""
    if not sees_truth(user, experiment.spec["data"]["name"]):
        raise PermissionDenied(BLIND)


def may_stop(user: Anybody, run: Run) -> bool:
    """Return whether the account may stop the run: owners of experiments that have the run, and administrators may."""
    access = access_of(user)
    return access == Access.ADMIN or (access == Access.MEMBER and run.experiments.filter(owner_id=user.pk).exists())


def member_context(request: HttpRequest) -> dict[str, object]:
    """Return for every template whether the account is a member, computed only when a template reads it."""
    return {"member": SimpleLazyObject(lambda: access_of(request.user) >= Access.MEMBER)}


class AccessMiddleware(LoginRequiredMiddleware):
    """Apply to every page the permission that its view declares; a view without one is closed. The API checks its own tokens."""

    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> HttpResponseBase | None:
        match = request.resolver_match
        if match and match.app_name == "ninja":
            return None
        user: Anybody = request.user
        if match and match.app_name == "admin":  # it redirects visitors to its own login
            if user.is_authenticated:
                demand(user, Access.ADMIN)
            return None
        access: Access | None = getattr(view_func, "access", None)
        if access in (Access.PUBLIC, Access.SHARED):
            return None
        if not user.is_authenticated:
            return self.handle_no_permission(request, view_func)
        if access is None:
            raise PermissionDenied("This page declares no permission, so it is closed.")
        demand(user, access)
        return None
