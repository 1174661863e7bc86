"""The tokens of API requests: those of people, for everything but training, and those of workers, for nothing else."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja.security import HttpBearer

from webapp.access import Access, demand
from webapp.accounts.models import Scope, Token
from webapp.accounts.tokens import holder

ONLY_READS = "This token can only read. Make a token with read and write access on the page of your account."
ONLY_WORKS = "This is the token of a worker, which can only train runs."
NO_WORK = "Only the token of a worker can do that. Administrators make one on the page of their account."


def _held(request: HttpRequest, secret: str) -> Token | None:
    """Return the token of a request, which acts for its account from now on; None for a wrong one."""
    record = holder(secret)
    if record:
        request.user, request.token = record.user, record  # type: ignore[attr-defined]
    return record


class Bearer(HttpBearer):
    """The token of a person or a script."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        record = _held(request, token)
        if record is None:
            return None
        if record.scope == Scope.WORKER:
            raise PermissionDenied(ONLY_WORKS)
        reads = request.method in ("GET", "HEAD")
        if record.scope == Scope.READ and not reads:
            raise PermissionDenied(ONLY_READS)
        demand(record.user, Access.VIEWER if reads else Access.MEMBER)
        return record.user


class WorkerBearer(HttpBearer):
    """The token of a worker. It is of no use once the administrator who made it is none any more."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        record = _held(request, token)
        if record is None:
            return None
        if record.scope != Scope.WORKER:
            raise PermissionDenied(NO_WORK)
        demand(record.user, Access.ADMIN)
        return record.user
