"""Invitation links: creating one with its secret, opening an account with it, and revoking it."""

import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from webapp.access import Access
from webapp.accounts.models import Invitation
from webapp.accounts.people import give_role, words
from webapp.accounts.tokens import digest
from webapp.audit.models import Verb
from webapp.audit.services import tell

LIVES = timedelta(days=7)


class Closed(Exception):
    """The invitation is used, revoked or expired, its sender is not an administrator any more, or there is no such invitation."""


@transaction.atomic
def invite(admin: User, role: Access, email: str = "") -> tuple[Invitation, str]:
    """Return a new invitation and its secret, which cannot be read again."""
    secret = secrets.token_urlsafe(32)
    made = Invitation.objects.create(
        digest=digest(secret), role=role, email=email, made_by=admin, expires_at=timezone.now() + LIVES
    )
    tell(admin, Verb.INVITED, "invitation", made.pk, email or "by a link", role=words(role)[0])
    return made, secret


def standing() -> QuerySet[Invitation]:
    """Return the invitations that can still be used."""
    invites = {"made_by__is_active": True, "made_by__is_superuser": True}
    open_ones = Invitation.objects.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now(), **invites)
    return open_ones.select_related("made_by")


def find(secret: str) -> Invitation | None:
    return standing().filter(digest=digest(secret)).first()


@transaction.atomic
def accept(secret: str, user: User) -> User:
    """Store ``user``, who has a name and a password, with the role of the invitation. Of two simultaneous calls one succeeds.

    Raise Closed.
    """
    invitation = Invitation.objects.select_for_update().filter(digest=digest(secret)).first()
    if invitation is None or not invitation.open:
        raise Closed
    user.email = invitation.email
    user.save()
    give_role(user, Access(invitation.role))
    invitation.used_at = timezone.now()
    invitation.save(update_fields=["used_at"])
    tell(
        user,
        Verb.JOINED,
        "account",
        user.pk,
        user.get_username(),
        role=words(Access(invitation.role))[0],
        invitation=invitation.pk,
    )
    return user


@transaction.atomic
def revoke(admin: User, invitation: Invitation) -> None:
    if Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None).update(revoked_at=timezone.now()):
        tell(admin, Verb.REVOKED, "invitation", invitation.pk, invitation.email or "by a link")
