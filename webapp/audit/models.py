"""The audit log. An entry outlives its account and its object, so it stores their names as text."""

from typing import Literal

from django.conf import settings
from django.db import models

Kind = Literal[
    "experiment",
    "run",
    "dataset",
    "labels",
    "import",
    "archive",
    "share",
    "account",
    "invitation",
    "token",
    "queue",
    "worker",
    "note",
    "project",
    "view",
]
"""Kinds of objects of an act."""


class Verb(models.TextChoices):
    CREATED = "created", "created"
    LAUNCHED = "launched", "launched"
    STOPPED = "stopped", "stopped"
    PAUSED = "paused", "paused the"
    RESUMED = "resumed", "resumed the"
    DRAINED = "drained", "drained"
    UNDRAINED = "undrained", "let work again"
    MOVED = "moved", "moved in the queue"
    LIMITED = "limited", "set the budget of"
    RENAMED = "renamed", "renamed"
    CHANGED = "changed", "changed"
    DELETED = "deleted", "deleted"
    ARCHIVED = "archived", "archived"
    UNARCHIVED = "unarchived", "unarchived"
    PROJECT_CHANGED = "project-changed", "changed the project of"
    TAGGED = "tagged", "tagged"
    UNTAGGED = "untagged", "removed a tag of"
    EXPORTED = "exported", "exported"
    IMPORTED = "imported", "imported"
    ACCEPTED = "accepted", "let new experiments use the runs of"
    WITHDRAWN = "withdrawn", "no longer lets new experiments use the runs of"
    FETCHED = "fetched", "fetched"
    UPLOADED = "uploaded", "uploaded"
    BLINDED = "blinded", "marked as blind"
    UNBLINDED = "unblinded", "marked as no longer blind"
    SUBMITTED = "submitted", "submitted predictions to"
    SAVED = "saved", "saved"
    DISCARDED = "discarded", "discarded"
    SHARED = "shared", "shared"
    REVOKED = "revoked", "revoked"
    INVITED = "invited", "invited"
    JOINED = "joined", "joined"
    ROLE_CHANGED = "role-changed", "changed the role of"
    DEACTIVATED = "deactivated", "deactivated"
    REACTIVATED = "reactivated", "reactivated"
    NAME_CHANGED = "name-changed", "changed name or e-mail"
    PASSWORD_CHANGED = "password-changed", "set a password"
    RESET_MADE = "reset-made", "made a password link for"
    PASSWORD_RESET = "password-reset", "chose a new password by a link"
    TOKEN_MADE = "token-made", "made token"
    TOKEN_REVOKED = "token-revoked", "revoked token"
    LOGGED_IN = "logged-in", "logged in"
    LOGIN_REFUSED = "login-refused", "was locked out as"


class Entry(models.Model):
    """One act. Entries are never changed or deleted."""

    at = models.DateTimeField(auto_now_add=True)
    who = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(
        max_length=150, blank=True, db_index=True
    )  # of the account at that time; empty for a visitor without one
    verb = models.CharField(max_length=20, db_index=True)  # a Verb, without choices, so that a new one needs no migration
    about = models.CharField(max_length=20)
    key = models.CharField(max_length=64, blank=True)  # number or name of the object
    title = models.CharField(max_length=200, blank=True)  # its name at that time
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} {self.words} {self.about} {self.key}"

    @property
    def words(self) -> str:
        """The act in words; an old entry may have a verb that is not used any more."""
        return Verb(self.verb).label if self.verb in Verb else self.verb

    @property
    def thing(self) -> str:
        """The kind of the object, unless the act implies it."""
        return "" if self.about == "account" or self.verb == Verb.INVITED or self.about in self.words else self.about

    @property
    def called(self) -> str:
        """The name of the object; empty if an account changed itself."""
        return "" if self.about == "account" and self.title == self.name else self.title or self.key
