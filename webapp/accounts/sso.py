"""Single sign-on by OpenID Connect: the endpoints of the provider, the verification of its tokens, and the accounts."""

import json
from functools import cache
from typing import Any
from urllib.parse import urlencode

import jwt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import import_from_settings

from webapp import outgoing_requests
from webapp.access import Access
from webapp.accounts.names import plain_ascii
from webapp.accounts.people import ROLES, give_role
from webapp.audit.models import Verb
from webapp.audit.services import tell

ENDPOINTS = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",  # nosec B105 # no secret
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}
"""The library's settings, with their names in the issuer's discovery document."""


@cache
def discovered(issuer: str) -> dict[str, Any]:
    """Return the discovery document of the issuer, which is requested once if it succeeds. Raise OSError, ValueError."""
    document = _json(_answered("GET", f"{issuer}/.well-known/openid-configuration"))
    if str(document.get("issuer", "")).rstrip("/") != issuer:
        raise ValueError(f"The discovery document of {issuer} names another issuer.")
    return document


def _answered(method: str, url: str, content: bytes = b"", **headers: str) -> outgoing_requests.Answer:
    """Return the provider's answer. Raise OSError, also for a status that is not 200."""
    answer = outgoing_requests.request(method, url, content=content, headers=headers, seconds=settings.OIDC_TIMEOUT)
    if answer.status != 200:
        raise outgoing_requests.Unreachable(f"The provider answered {answer.status}.")
    return answer


def _json(answer: outgoing_requests.Answer) -> dict[str, Any]:
    """Return the object in an answer. Raise ValueError."""
    document = json.loads(answer.content)
    if not isinstance(document, dict):
        raise ValueError("The provider's answer is no JSON object.")
    return document


def setting(name: str, *default: Any) -> Any:
    """Return a setting of the library, which reads all of its settings by this function."""
    if name in ENDPOINTS:
        return getattr(settings, name, "") or discovered(settings.OIDC_ISSUER)[ENDPOINTS[name]]
    return import_from_settings(name, *default)


class Provider(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Log in people by the provider. An account is identified by its e-mail, if the provider has verified it.

    The requests of the base class are replaced by those of outgoing_requests, which reach no private address unless allowed.
    """

    get_settings = staticmethod(setting)

    def __init__(self) -> None:
        """Skip the base class, which requests the provider's metadata:

        Django creates an instance for each password login and page.
        """

    def authenticate(self, request: HttpRequest | None, nonce: str | None = None, **kwargs: Any) -> Any:
        """Handle only the page to which the provider redirects, which has a nonce; passwords are for other backends."""
        if nonce is None:
            return None
        super().__init__()
        return super().authenticate(request, nonce=nonce, **kwargs)

    def get_user(self, user_id: Any) -> Any:
        return ModelBackend.get_user(self, user_id)  # excludes closed accounts

    def get_token(self, payload: dict[str, str]) -> dict[str, Any]:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return _json(_answered("POST", self.OIDC_OP_TOKEN_ENDPOINT, urlencode(payload).encode(), **form))

    def retrieve_matching_jwk(self, token: str) -> Any:
        """Return the provider's key that the token's header names."""
        keys = _json(_answered("GET", self.OIDC_OP_JWKS_ENDPOINT))["keys"]
        wanted = jwt.get_unverified_header(token)
        for key in keys:
            if key["kid"] == wanted["kid"] and key.get("alg", wanted["alg"]) == wanted["alg"]:
                return jwt.PyJWK(key)
        raise SuspiciousOperation("The provider has no key that the token names.")

    def verify_token(self, token: str, **kwargs: Any) -> Any:
        """Check issuer and audience of the token. The library checks signature, nonce and time."""
        payload = super().verify_token(token, **kwargs)
        audience = payload.get("aud")
        audience = [audience] if isinstance(audience, str) else audience or []
        if str(payload.get("iss", "")).rstrip("/") != settings.OIDC_ISSUER or settings.OIDC_RP_CLIENT_ID not in audience:
            raise SuspiciousOperation("The token has another issuer or another audience.")
        return payload

    def get_userinfo(self, access_token: str, id_token: str, payload: Any) -> Any:
        answer = _answered("GET", self.OIDC_OP_USER_ENDPOINT, Authorization=f"Bearer {access_token}")
        claims = self.verify_token(answer.text) if answer.kind.startswith("application/jwt") else _json(answer)
        if claims.get("sub") != payload.get("sub"):
            raise SuspiciousOperation("Token and user information belong to two different people.")
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
    """Return the role of accounts created by single sign-on. Raise ValueError for an unknown role."""
    named = {word: role for role, (word, _) in ROLES.items()}
    if settings.OIDC_DEFAULT_ROLE not in named:
        raise ValueError(f"OIDC_DEFAULT_ROLE is {settings.OIDC_DEFAULT_ROLE}, and not one of {', '.join(named)}.")
    return named[settings.OIDC_DEFAULT_ROLE]


def _free_name(claims: Any) -> str:
    """Return the preferred name of the provider, or the part of the e-mail before the @, with a number if the name is taken."""
    wanted = str(claims.get("preferred_username") or claims["email"].partition("@")[0])
    wanted = plain_ascii(wanted)[:140] or "somebody"
    name, number = wanted, 1
    while User.objects.filter(username__iexact=name).exists():
        number += 1
        name = f"{wanted}{number}"
    return name
