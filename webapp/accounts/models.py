"""Secrets that give access to an account. Only their digests are stored."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Scope(models.TextChoices):
    READ = "read", "only read"
    WRITE = "write", "read and write"
    WORKER = "worker", "only train runs, as a worker by HTTPS"


class Token(models.Model):
    """A bearer token for the API. Its permissions are never wider than those of its account."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=6, choices=Scope, default=Scope.WRITE)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="made"
    )  # the token that authorised the request
    start = models.CharField(max_length=6, blank=True)  # the beginning of the secret, for its owner
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)  # to the minute
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"token {self.name} of {self.user}"

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def valid(self) -> bool:
        return self.revoked_at is None and not self.expired


class Invitation(models.Model):
    """A link by which one person opens one account, with a role that an administrator chose."""

    digest = models.CharField(max_length=64, unique=True)
    role = models.PositiveSmallIntegerField()  # webapp.access.Access
    email = models.EmailField(blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"invitation {self.pk}"

    @property
    def open(self) -> bool:
        """Return whether the invitation can be used. It cannot if its sender is not an open administrator account any more."""
        invites = self.made_by is not None and self.made_by.is_active and self.made_by.is_superuser
        return invites and self.used_at is None and self.revoked_at is None and self.expires_at > timezone.now()


class HomeVisit(models.Model):
    """The last visit of an account to its home page, and the end of the visit before, since when news are new."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="home_visit", primary_key=True)
    since = models.DateTimeField(null=True)  # None during the first visit
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"visit of account {self.user_id} at {self.seen_at}"


LONGEST_PREFERENCE = 500


class Preference(models.Model):
    """A text that a page remembers for an account, under a name of its own."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences", db_index=False)
    name = models.CharField(max_length=40)
    value = models.CharField(max_length=LONGEST_PREFERENCE)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "name"), name="one_preference_per_name"),)

    def __str__(self) -> str:
        return f"{self.name} of account {self.account_id}"
