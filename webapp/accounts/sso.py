"""Single sign-on by OpenID Connect: where the provider's doors are, whom it vouches for, and whose account that is."""

import json
import urllib.request
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import import_from_settings

from webapp.access import Access
from webapp.accounts.names import in_plain_letters
from webapp.accounts.people import ROLES, give_role
from webapp.audit.models import Verb
from webapp.audit.services import tell

DOORS = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",  # nosec B105 # no secret
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}
"""Each setting of the library, and what the issuer's discovery document calls it."""


@cache
def discovered(issuer: str) -> dict[str, Any]:
    """What the issuer says of itself; asked once, unless it did not answer. Raises OSError, ValueError."""
    with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=settings.OIDC_TIMEOUT) as answer:  # nosec B310
        found: dict[str, Any] = json.load(answer)
    if str(found.get("issuer", "")).rstrip("/") != issuer:
        raise ValueError(f"The discovery document of {issuer} is somebody else's.")
    return found


def setting(name: str, *default: Any) -> Any:
    """A setting of the library, which reads all of them by this function."""
    if name in DOORS:
        return getattr(settings, name, "") or discovered(settings.OIDC_ISSUER)[DOORS[name]]
    return import_from_settings(name, *default)


class Provider(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Logs in whom the provider vouches for. An account is known by its e-mail, if the provider has verified that."""

    get_settings = staticmethod(setting)

    def __init__(self) -> None:
        """Asks the provider nothing: there is a new one of these for every password, and every page of who is logged in by it."""

    def authenticate(self, request: HttpRequest | None, nonce: str | None = None, **kwargs: Any) -> Any:
        """For the one page that comes back from the provider, which knows the nonce; a password is not for it."""
        if nonce is None:
            return None
        super().__init__()
        return super().authenticate(request, nonce=nonce, **kwargs)

    def get_user(self, user_id: Any) -> Any:
        return ModelBackend.get_user(self, user_id)  # which finds no closed account

    def verify_token(self, token: str, **kwargs: Any) -> Any:
        """The library checks signature, nonce and time; whose token it is and for whom it was made is checked here."""
        payload = super().verify_token(token, **kwargs)
        audience = payload.get("aud")
        audience = [audience] if isinstance(audience, str) else audience or []
        if str(payload.get("iss", "")).rstrip("/") != settings.OIDC_ISSUER or settings.OIDC_RP_CLIENT_ID not in audience:
            raise SuspiciousOperation("The token is of another issuer, or for somebody else.")
        return payload

    def get_userinfo(self, access_token: str, id_token: str, payload: Any) -> Any:
        claims = super().get_userinfo(access_token, id_token, payload)
        if claims.get("sub") != payload.get("sub"):
            raise SuspiciousOperation("Token and user information are of two people.")
        return claims

    def verify_claims(self, claims: Any) -> bool:
        return bool(claims.get("email")) and claims.get("email_verified") is True

    @transaction.atomic
    def create_user(self, claims: Any) -> User:
        user = User(username=_free_name(claims), email=claims["email"])
        user.first_name = str(claims.get("given_name") or "")[:150]
        user.last_name = str(claims.get("family_name") or "")[:150]
        user.set_unusable_password()
        user.save()
        role = default_role()
        give_role(user, role)
        tell(user, Verb.JOINED, "account", user.pk, user.get_username(), role=ROLES[role][0], by="single sign-on")
        return user


def default_role() -> Access:
    """Of an account that single sign-on makes. Raises ValueError for a role that there is not."""
    named = {word: role for role, (word, _) in ROLES.items()}
    if settings.OIDC_DEFAULT_ROLE not in named:
        raise ValueError(f"OIDC_DEFAULT_ROLE is {settings.OIDC_DEFAULT_ROLE}, and not one of {', '.join(named)}.")
    return named[settings.OIDC_DEFAULT_ROLE]


def _free_name(claims: Any) -> str:
    """The name that the person has there, or the part of the e-mail before the @; with a number where somebody has it here."""
    wanted = str(claims.get("preferred_username") or claims["email"].partition("@")[0])
    wanted = in_plain_letters(wanted)[:140] or "somebody"
    name, number = wanted, 1
    while User.objects.filter(username__iexact=name).exists():
        number += 1
        name = f"{wanted}{number}"
    return name
