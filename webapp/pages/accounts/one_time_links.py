"""One-time links for logging in, which the terminal prints, and for a new password."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator, default_token_generator
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from webapp.parsing import whole

PASSWORDS = "django.contrib.auth.backends.ModelBackend"
"""The backend that logs in an account with a link."""
LOGIN_LINK = "login/link/"
"""The beginning of a link's address. ``reverse`` would load every page, for seconds, in a process that serves none."""


class OneTimeTokens(PasswordResetTokenGenerator):
    """Tokens that the first login invalidates, since they are signed with the time of the last login."""

    key_salt = "webapp.pages.login.OneTimeTokens"  # links of earlier versions must work

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        """Include the full time of the last login. Django omits the fraction of a second, in which a link could work again."""
        return f"{super()._make_hash_value(user, timestamp)}{user.last_login and user.last_login.isoformat()}"


TOKENS = OneTimeTokens()


def first_account() -> User:
    """Return the oldest open administrator, or a new account called admin without a password if there is none."""
    account = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return account or get_user_model().objects.create_superuser("admin")


def welcome_link(site: str, target: str = "") -> str:
    """Return a link that logs in the first account once, for the person who can read this terminal."""
    user = first_account()
    path = f"{LOGIN_LINK}{urlsafe_base64_encode(str(user.pk).encode())}/{TOKENS.make_token(user)}/"
    return f"{site}/{path}" + (f"?{urlencode({'next': target})}" if target else "")


def password_link(site: str, user: User) -> str:
    """Return a link with which the account gets a new password, once. The next login invalidates it too."""
    uid = urlsafe_base64_encode(str(user.pk).encode())
    return f"{site}{reverse('password-reset', args=[uid, default_token_generator.make_token(user)])}"


def spend(user: User) -> bool:
    """Record the login with a link of ``user`` as read before. Return False if another request was faster."""
    now = timezone.now()
    return bool(User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=now))


def account_of(uid: str, token: str) -> User | None:
    """Return the account of a link, or None if the link is wrong, used or too old."""
    try:
        pk = whole(force_str(urlsafe_base64_decode(uid)))
    except ValueError:
        return None
    user = None if pk is None else User.objects.filter(pk=pk, is_active=True).first()
    return user if user and TOKENS.check_token(user, token) else None
