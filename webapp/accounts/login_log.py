"""Every login, by whichever door, is told to the trail, and so is every lock; Django and axes say when there was one."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from webapp.audit.models import Verb
from webapp.audit.services import tell


@receiver(user_logged_in)
def logged_in(sender: object, request: HttpRequest, user: User, **_: Any) -> None:
    tell(user, Verb.LOGGED_IN, "account", user.pk, user.get_username(), **_from(request))


@receiver(user_locked_out)
def locked_out(sender: object, request: HttpRequest, username: str | None, **_: Any) -> None:
    """Told when the lock closes, and not again for each attempt at a closed one: anybody could fill the trail."""
    if getattr(request, "axes_failures_since_start", None):
        tell(None, Verb.LOGIN_REFUSED, "account", "", username or "", **_from(request))


def _from(request: HttpRequest) -> dict[str, str]:
    address = request.META.get("REMOTE_ADDR")
    return {"from": address} if address else {}
