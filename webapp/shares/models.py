"""Shares of an experiment: its frozen versions, or the experiment as it is now, and the links to them."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from webapp.experiments.models import Experiment

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 characters, none easily confused with another: 5 bits each."""

SLUG_LENGTH = 12
"""60 bits: hard to guess, though not a secret."""

DAYS, LONGEST_DAYS = 30, 365
"""Days for which a link is open, by default and at most."""


def new_slug() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(SLUG_LENGTH))


def default_end() -> datetime:
    return timezone.now() + timedelta(days=DAYS)


class Share(models.Model):
    """A share. It outlives its experiment, with the versions that were frozen. A live share has no versions."""

    slug = models.CharField(max_length=SLUG_LENGTH, unique=True, default=new_slug)
    experiment = models.ForeignKey(Experiment, null=True, on_delete=models.SET_NULL, related_name="shares")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="shares")
    live = models.BooleanField(default=False)
    title = models.CharField(max_length=200)
    choices = models.JSONField()  # webapp.reports.choices.Choices, of the newest version or of the live page
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"share {self.slug}: {self.title}"

    @property
    def shows(self) -> bool:
        """Return whether there is something to show: frozen versions stay, a live page disappears with its experiment."""
        return not self.live or self.experiment_id is not None


class Version(models.Model):
    """A frozen version, which never changes: the folder that its content hash names (``freezing``)."""

    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.CharField(max_length=64)
    choices = models.JSONField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=("share", "number"), name="one_version_per_number"),)

    def __str__(self) -> str:
        return f"version {self.number} of share {self.share_id}"


class Opening(models.Model):
    """One unlocking of a held-out set by a version. It stays when the share is deleted."""

    rows = models.CharField(max_length=64, db_index=True)  # webapp.shares.unlocking.rows_of
    version = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="+")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"opening of {self.rows[:8]} at {self.at}"


class Link(models.Model):
    """A link, which opens a share to everybody with its token. Only the digest of the token is stored."""

    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the token
    name = models.CharField(max_length=80, blank=True)  # the reader it is for, in the author's words
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=default_end)
    revoked_at = models.DateTimeField(null=True)
    password = models.CharField(max_length=128, blank=True)  # hashed by Django; empty for none
    previews = models.BooleanField(default=True)  # whether chat tools get title, claim and picture
    views = models.PositiveIntegerField(default=0)
    last_viewed_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)  # of the password, from everywhere, since tries_since
    tries_since = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"link {self.pk} of share {self.share_id}"

    @property
    def state(self) -> str:
        if self.revoked_at:
            return "revoked"
        return "open" if self.expires_at > timezone.now() else "expired"


class Try(models.Model):
    """Number of tries of a link's password from one address since a time; rows of earlier minutes are deleted."""

    link = models.ForeignKey(Link, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=64)  # webapp.shares.links._place_of
    count = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("link", "address"), name="one_count_per_address"),)

    def __str__(self) -> str:
        return f"{self.count} tries of link {self.link_id}"
