"""Accounts: passwords, and one-time links that the terminal prints."""

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
"""What an account that came by a link is logged in by."""


class OneTimeTokens(PasswordResetTokenGenerator):
    """Tokens that the first login makes worthless, since they are signed over the time of the last one."""

    key_salt = "webapp.pages.login.OneTimeTokens"  # links that were made before must go on working

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        """With the whole time of the last login: Django leaves out what is below a second, in which a link could work again."""
        return f"{super()._make_hash_value(user, timestamp)}{user.last_login and user.last_login.isoformat()}"


TOKENS = OneTimeTokens()


def first_account() -> User:
    """The administrator who has been here longest; an account called admin, without a password, where there is none."""
    found = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return found or get_user_model().objects.create_superuser("admin")


def welcome_link(site: str, target: str = "") -> str:
    """A link that logs the first account in, once; for the person who can read this terminal."""
    user = first_account()
    path = reverse("login-link", args=[urlsafe_base64_encode(str(user.pk).encode()), TOKENS.make_token(user)])
    return f"{site}{path}" + (f"?{urlencode({'next': target})}" if target else "")


def password_link(site: str, user: User) -> str:
    """A link by which the account gets a new password, once; it ends with the next login too."""
    uid = urlsafe_base64_encode(str(user.pk).encode())
    return f"{site}{reverse('password-reset', args=[uid, default_token_generator.make_token(user)])}"


def spend(user: User) -> bool:
    """Notes the login that a link of ``user``, as read before, is spent by; False where another request was faster."""
    now = timezone.now()
    return bool(User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=now))


def account_of(uid: str, token: str) -> User | None:
    """Whom the link belongs to; None when it is wrong, used or too old."""
    try:
        pk = whole(force_str(urlsafe_base64_decode(uid)))
    except ValueError:
        return None
    user = None if pk is None else User.objects.filter(pk=pk, is_active=True).first()
    return user if user and TOKENS.check_token(user, token) else None
