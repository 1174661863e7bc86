"""Bearer tokens: who may use the API, by a secret of which only the digest is kept."""

import hashlib
import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models


class ApiToken(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"token {self.pk} of {self.user}"


class Launch(models.Model):
    """An experiment that was posted with an Idempotency-Key, so that the same request sent again makes no second one."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    body = models.CharField(max_length=64)
    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "key"), name="one_launch_per_key"),)

    def __str__(self) -> str:
        return f"{self.key} of {self.user}"


def make_token(user: User) -> str:
    """A new secret for ``user``; it cannot be read again."""
    token = secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, digest=_digest(token))
    return token


def user_of(token: str) -> User | None:
    found = ApiToken.objects.select_related("user").filter(digest=_digest(token), user__is_active=True).first()
    return found.user if found else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
