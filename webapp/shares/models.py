"""What is shared of an experiment: its frozen versions, or the experiment as it is now, and the links to it."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from webapp.experiments.models import Experiment

LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 of them, none like another: 5 bits each."""

SLUG_LETTERS = 12
"""60 bits: not to be guessed, though it is no secret."""

DAYS, LONGEST_DAYS = 30, 365
"""How long a link is open, unless somebody says otherwise, and at most."""


def new_slug() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(SLUG_LETTERS))


def default_end() -> datetime:
    return timezone.now() + timedelta(days=DAYS)


class Share(models.Model):
    """Outlives its experiment, of which it then keeps what was frozen. A live one has no versions."""

    slug = models.CharField(max_length=SLUG_LETTERS, unique=True, default=new_slug)
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
        """Whether there is something to show: what was frozen stays, a live page goes with its experiment."""
        return not self.live or self.experiment_id is not None


class Version(models.Model):
    """What was frozen at one time, never changed: the folder in DATA_DIR/shares that its content hash names."""

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
    """One opening of a locked test set by a version, which its share's end does not undo."""

    rows = models.CharField(max_length=64, db_index=True)  # webapp.shares.unlocking.rows_of
    version = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="+")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"opening of {self.rows[:8]} at {self.at}"


class Link(models.Model):
    """Opens a share to whoever has its token, of which only the digest is kept."""

    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the token
    name = models.CharField(max_length=80, blank=True)  # whom it is for, as its maker says
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=default_end)
    revoked_at = models.DateTimeField(null=True)
    password = models.CharField(max_length=128, blank=True)  # hashed by Django; empty for none
    previews = models.BooleanField(default=True)  # whether chat tools are told title, claim and picture
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
    """How often one address tried the password of a link since a time; rows of earlier minutes go."""

    link = models.ForeignKey(Link, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=64)  # webapp.shares.links._place_of
    count = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("link", "address"), name="one_count_per_address"),)

    def __str__(self) -> str:
        return f"{self.count} tries of link {self.link_id}"
