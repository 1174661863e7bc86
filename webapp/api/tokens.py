"""The API tokens of an account in the API: the list, making one, and revoking one."""

from datetime import datetime

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from pydantic import Field

from webapp.accounts import tokens
from webapp.accounts.models import Scope, Token

router = Router()


class TokenOut(Schema):
    """A token. ``start`` is the beginning of its secret."""

    id: int
    name: str
    scope: Scope
    start: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class MadeOut(TokenOut):
    """A new token. ``secret`` is only in this answer."""

    secret: str


class TokenIn(Schema):
    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")
    scope: Scope = Scope.READ
    days: int | None = Field(tokens.DAYS, ge=1, le=3650, description="Days until it expires; null for no expiry.")


@router.get("/tokens", response=list[TokenOut])
def listing(request: HttpRequest) -> list[Token]:
    """List your tokens, including expired and revoked ones."""
    assert isinstance(request.user, User)
    return list(request.user.tokens.all())


@router.post("/tokens", response={201: MadeOut})
def make(request: HttpRequest, body: TokenIn) -> Status[MadeOut]:
    """Make a token. Its secret is only in this answer.

    A token made with another token expires no later than that one, whatever ``days`` is, and is revoked with it.
    """
    assert isinstance(request.user, User)
    token, secret = tokens.make(request.user, body.name, body.scope, body.days, by=request.token)  # type: ignore[attr-defined]
    return Status(201, MadeOut(**TokenOut.from_orm(token).model_dump(), secret=secret))


@router.delete("/tokens/{token_id}", response={204: None})
def revoke(request: HttpRequest, token_id: int) -> Status[None]:
    """Revoke one of your tokens; this may be the token of the request itself."""
    tokens.revoke(get_object_or_404(Token, pk=token_id, user=request.user))
    return Status(204, None)
