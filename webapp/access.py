"""Who may do what: a viewer looks, a member works, an admin may everything; each page says which of them it is for."""

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

VIEWERS = "viewers"
"""The group whose accounts only look."""

NOT_YOURS = "Only the owner of the experiment and administrators may do that. You can clone it."
NOT_YOUR_IMPORT = "Only who brought this data set and administrators may do that."
NOT_YOUR_NOTE = "Only who wrote this note may edit it."
NOT_YOUR_WRITING = "Only who wrote this and administrators may take it away."

Anybody = User | AnonymousUser
View = TypeVar("View", bound=Callable[..., Any])


class Access(IntEnum):
    """What an account may do, or what a page asks for; each may what those before it may.

    SHARED is for whoever holds a link to a share, and for no account: the page looks the link up at each request.
    """

    PUBLIC = 0
    VIEWER = 1
    MEMBER = 2
    ADMIN = 3
    SHARED = 4


REFUSALS = {
    Access.VIEWER: "Log in first.",
    Access.MEMBER: "Your account may look at everything here and change nothing. Ask an administrator to make you a member.",
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
    """Raises PermissionDenied, with a sentence, where the account has too little."""
    if access_of(user) < access:
        raise PermissionDenied(REFUSALS[access])


def owns(user: Anybody, owner: int | None) -> bool:
    """The one rule of what somebody made: who made it, ``owner``, may change it while he is a member, and so may admins."""
    access = access_of(user)
    return access == Access.ADMIN or (access == Access.MEMBER and owner is not None and owner == user.pk)


def may_change(user: Anybody, experiment: Experiment) -> bool:
    """Whether the account may launch and stop the experiment: its owner and admins."""
    return owns(user, experiment.owner_id)


def may_stop(user: Anybody, run: Run) -> bool:
    """Whether the account may stop the run: the owners of the experiments that have it, and admins."""
    access = access_of(user)
    return access == Access.ADMIN or (access == Access.MEMBER and run.experiments.filter(owner_id=user.pk).exists())


def member_context(request: HttpRequest) -> dict[str, object]:
    """For every template: whether the account may work here, asked only where a template wants to know."""
    return {"member": SimpleLazyObject(lambda: access_of(request.user) >= Access.MEMBER)}


class AccessMiddleware(LoginRequiredMiddleware):
    """Holds every page to the rule that its view declares; one without a rule is closed. The API holds its own, by its tokens."""

    def process_view(self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any) -> HttpResponseBase | None:
        match = request.resolver_match
        if match and match.app_name == "ninja":
            return None
        user: Anybody = request.user
        if match and match.app_name == "admin":  # whoever is not logged in is sent to its own login, by itself
            if user.is_authenticated:
                demand(user, Access.ADMIN)
            return None
        access: Access | None = getattr(view_func, "access", None)
        if access in (Access.PUBLIC, Access.SHARED):
            return None
        if not user.is_authenticated:
            return self.handle_no_permission(request, view_func)
        if access is None:
            raise PermissionDenied("This page does not say whom it is for, and so it is closed.")
        demand(user, access)
        return None
