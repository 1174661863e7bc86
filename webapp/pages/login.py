"""Accounts: passwords, and one-time links that the terminal prints."""

from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


class OneTimeTokens(PasswordResetTokenGenerator):
    """Tokens that the first login makes worthless, since they are signed over the time of the last one."""

    key_salt = "webapp.pages.login.OneTimeTokens"


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


def account_of(uid: str, token: str) -> User | None:
    """Whom the link belongs to; None when it is wrong, used or too old."""
    try:
        user = User.objects.get(pk=int(force_str(urlsafe_base64_decode(uid))), is_active=True)
    except (User.DoesNotExist, ValueError):
        return None
    return user if TOKENS.check_token(user, token) else None
