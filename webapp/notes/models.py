"""Tags and notes about examples, which are identified by the fingerprint of their data set and their id in it."""

from django.conf import settings
from django.db import models

WRONG = "gold label wrong"
"""The tag of examples whose gold label is considered wrong."""

REPORT = "report"
"""The tag of examples for a report: the form for sharing proposes them as highlights."""

USUAL = (WRONG, "ambiguous")
"""Tags that are suggested before any tag exists."""

LONGEST_NOTE = 4000


class Tag(models.Model):
    fingerprint = models.CharField(max_length=64)
    example = models.BigIntegerField()
    name = models.CharField(max_length=40)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tags")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("fingerprint", "example", "name"), name="one_tag_per_name"),)
        indexes = (models.Index(fields=("fingerprint", "name"), name="tags_by_name"),)

    def __str__(self) -> str:
        return f"{self.name} on example {self.example}"


class Note(models.Model):
    fingerprint = models.CharField(max_length=64)
    example = models.BigIntegerField()
    text = models.TextField(max_length=LONGEST_NOTE)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("at", "id")
        indexes = (models.Index(fields=("fingerprint", "example"), name="notes_by_example"),)

    def __str__(self) -> str:
        return f"note {self.pk} on example {self.example}"
