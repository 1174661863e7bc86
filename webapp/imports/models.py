"""Imports: data sets on their way to the library, from the upload or the fetch until they are saved."""

import re
from pathlib import Path

from django.conf import settings
from django.db import models
from django.template.defaultfilters import filesizeformat

from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.command_output import CheckResult, Preview
from training.events import DOWNLOADING, WAITING_FOR_HUB
from training.names import component

ENDING = re.compile(r"\.[a-z0-9]{1,16}")
"""A file's suffix that is kept, since it says the format; any other could be too long for the disk, or name a folder."""


class State(models.TextChoices):
    """``NEW`` has a preview and waits for its mapping; ``CHECKED`` waits to be saved."""

    NEW = "new", "Uploaded"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Being checked"
    CHECKED = "checked", "Checked"
    SAVED = "saved", "Saved"
    FAILED = "failed", "Failed"
    STOPPED = "stopped", "Stopped"


AT_WORK = (State.QUEUED, State.RUNNING)


class Import(models.Model):
    """An uploaded file (``file_name``), or a registered data set to be fetched (``registered``)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="imports")
    registered = models.CharField(max_length=64, blank=True)
    file_name = models.CharField(max_length=255, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    look = models.JSONField(null=True)  # training.command_output.Preview
    mapping = models.JSONField(null=True)  # training.catalog.column_mapping.Mapping
    about = models.JSONField(null=True)  # training.catalog.dataset_card.About; if given before the checks, they also save it
    state = models.CharField(max_length=8, choices=State, default=State.NEW, db_index=True)
    phase = models.CharField(max_length=40, blank=True)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    checked = models.JSONField(null=True)  # training.command_output.CheckResult
    shelved = models.CharField(max_length=64, blank=True)  # its name in the library
    error = models.TextField(blank=True)
    stop_asked = models.BooleanField(default=False)
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"import {self.pk} ({self.title})"

    @property
    def title(self) -> str:
        return self.registered or self.file_name

    @property
    def download(self) -> str:
        """Return what is downloaded from the Hub, or how long that is waited for, in a sentence; empty in other phases."""
        if self.phase.startswith(DOWNLOADING):
            return f"{self.phase.capitalize()}: {filesizeformat(self.done)} of {filesizeformat(self.total)}."
        if self.phase == WAITING_FOR_HUB:
            return f"The Hub has had too many requests, and is asked again in {max(0, self.total - self.done)} seconds."
        return ""

    @property
    def folder(self) -> Path:
        """The folder of the uploaded file and of the checked data set, if machines share no store."""
        return Path(settings.UPLOADS_DIR) / str(self.pk)

    @property
    def upload(self) -> str:
        """The name of the uploaded file in its folder."""
        ending = Path(self.file_name).suffix.lower()
        return component(f"upload{ending}" if ENDING.fullmatch(ending) else "upload")

    @property
    def out(self) -> str:
        """The name of the folder of the checked data set; in a store that of the attempt, as an earlier one may go on there."""
        return f"out-{self.attempt}" if settings.ARTIFACTS_URL else "out"

    @property
    def preview(self) -> Preview | None:
        return Preview.model_validate(self.look) if self.look is not None else None

    @property
    def column_mapping(self) -> Mapping | None:
        return Mapping.model_validate(self.mapping) if self.mapping is not None else None

    @property
    def check_result(self) -> CheckResult | None:
        return CheckResult.model_validate(self.checked) if self.checked is not None else None

    @property
    def description(self) -> About | None:
        return About.model_validate(self.about) if self.about is not None else None

    @property
    def at_work(self) -> bool:
        return self.state in AT_WORK

    @property
    def percent(self) -> float:
        return round(100 * self.done / self.total, 1) if self.total else 0.0


class BlindDataset(models.Model):
    """A data set whose true labels are shown to ``owner`` and to administrators alone."""

    name = models.CharField(max_length=64, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="blind_datasets")
    marked_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"blind data set {self.name}"
