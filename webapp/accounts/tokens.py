"""API tokens: creating one, finding the account of one, and revoking one."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from webapp.access import Access, access_of
from webapp.accounts.models import Scope, Token
from webapp.audit.models import Verb
from webapp.audit.services import tell

DAYS = 90
"""Default lifetime of a token, in days."""

ADMINS_WORK = "Tokens of workers are made by administrators, since a worker is trusted for the numbers of its runs."

START = 6
USED_EVERY = timedelta(minutes=1)
"""Shortest interval between two updates of the time of last use, so that not every read request writes."""


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make(
    user: User, name: str, scope: Scope = Scope.WRITE, days: int | None = DAYS, by: Token | None = None
) -> tuple[Token, str]:
    """Return a new token and its secret, which cannot be read again. It expires after ``days``, or never if that is None.

    A token made with another one, ``by``, has no wider permissions, expires no later, and is revoked with it. Raises
    PermissionDenied for the token of a worker, unless ``user`` is an administrator.
    """
    secret = secrets.token_urlsafe(32)
    expires = None if days is None else timezone.now() + timedelta(days=days)
    if scope == Scope.WORKER and access_of(user) < Access.ADMIN:
        raise PermissionDenied(ADMINS_WORK)
    if by is not None:
        scope = Scope.READ if by.scope == Scope.READ else scope
        expires = min(filter(None, (expires, by.expires_at)), default=None)
    token = Token.objects.create(
        user=user, name=name, scope=scope, digest=digest(secret), start=secret[:START], expires_at=expires, made_by=by
    )
    tell(user, Verb.TOKEN_MADE, "token", token.pk, name, scope=str(scope), expires=expires and expires.date().isoformat())
    return token, secret


def make_token(user: User) -> str:
    """Return the secret of a new token with all permissions of ``user``."""
    return make(user, "token")[1]


def holder(secret: str) -> Token | None:
    """Return the token with this secret and its account, or None if it is wrong, expired or revoked, or the account is closed."""
    token = Token.objects.select_related("user").filter(digest=digest(secret), user__is_active=True).first()
    if token is None or not token.valid:
        return None
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


@transaction.atomic
def revoke(token: Token) -> None:
    """Revoke the token and all tokens that were made with it. Its owner still sees it in the list."""
    for made in token.made.all():
        revoke(made)
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        tell(token.user, Verb.TOKEN_REVOKED, "token", token.pk, token.name)
