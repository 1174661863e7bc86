"""The account's own tokens through the JSON door: which there are, making one, revoking one."""

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
    """``start`` is how the secret begins."""

    id: int
    name: str
    scope: Scope
    start: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class MadeOut(TokenOut):
    """``secret`` is never told again."""

    secret: str


class TokenIn(Schema):
    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00]*$")
    scope: Scope = Scope.READ
    days: int | None = Field(tokens.DAYS, ge=1, le=3650, description="Until it expires; null is never.")


@router.get("/tokens", response=list[TokenOut])
def listing(request: HttpRequest) -> list[Token]:
    """The account's tokens, those that are of no use any more too."""
    assert isinstance(request.user, User)
    return list(request.user.tokens.all())


@router.post("/tokens", response={201: MadeOut})
def make(request: HttpRequest, body: TokenIn) -> Status[MadeOut]:
    """Makes a token for the account; the answer has its secret, this once.

    It ends with the token that asks at the latest, whatever ``days`` says, and is revoked with it.
    """
    assert isinstance(request.user, User)
    token, secret = tokens.make(request.user, body.name, body.scope, body.days, by=request.token)  # type: ignore[attr-defined]
    return Status(201, MadeOut(**TokenOut.from_orm(token).model_dump(), secret=secret))


@router.delete("/tokens/{token_id}", response={204: None})
def revoke(request: HttpRequest, token_id: int) -> Status[None]:
    """Revokes one of the account's tokens, also the one that asks."""
    tokens.revoke(get_object_or_404(Token, pk=token_id, user=request.user))
    return Status(204, None)
