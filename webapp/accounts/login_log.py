"""Entries in the audit log for every login of any kind, and for every lock-out, by signals of Django and axes."""

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
    """Record the start of a lock-out.

    Further attempts during it are not recorded, since anyone could fill the audit log with them.
    """
    if getattr(request, "axes_failures_since_start", None):
        tell(None, Verb.LOGIN_REFUSED, "account", "", username or "", **_from(request))


def _from(request: HttpRequest) -> dict[str, str]:
    address = request.META.get("REMOTE_ADDR")
    return {"from": address} if address else {}
