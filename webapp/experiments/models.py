"""The record: experiments, the runs that they share, and the events of runs."""

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models

from training import ExperimentSpec, Plan, RunSpec, Triplet
from training.spec import upgrade
from webapp.experiments.listing_models import ListedColumns


class Status(models.TextChoices):
    """The status of a run, folded from its events and never set in any other way."""

    WAITING = "waiting", "Waiting"  # for the runs that it needs
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    STOPPED = "stopped", "Stopped"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"


ACTIVE = (Status.WAITING, Status.QUEUED, Status.RUNNING, Status.STOPPING)
LEASED = (Status.RUNNING, Status.STOPPING)


class Role(models.TextChoices):
    WEAK = "weak", "Weak supervisor"
    STUDENT = "student", "Student"
    CEILING = "ceiling", "Strong ceiling"
    FURTHER = "further", "Further run"  # of a method that needs more than the triplet


class Transition(models.TextChoices):
    """A change of an experiment in several transactions, until ``transition_done`` is the total."""

    LAUNCHING = "launching", "Launching"
    STOPPING = "stopping", "Stopping"


class Priority(models.IntegerChoices):
    LOW = -1, "Low"
    NORMAL = 0, "Normal"
    HIGH = 1, "High"


COMPARED = (Role.WEAK, Role.STUDENT, Role.CEILING)
"""The roles of a triplet."""


class Run(models.Model):
    """One training, identified by the SHA-256 of everything that decides its outcome; shared by all experiments that need it."""

    key = models.CharField(max_length=64, unique=True)
    spec = models.JSONField()
    alike = models.CharField(max_length=32, default="")  # equal for runs that take about the same time
    needs = models.ManyToManyField("self", symmetrical=False, related_name="needed_by")

    # The fold of the run's events.
    status = models.CharField(max_length=16, choices=Status, default=Status.WAITING, db_index=True)
    last_seq = models.PositiveBigIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    device = models.CharField(max_length=100, blank=True)
    phase = models.CharField(max_length=40, blank=True)
    phase_done = models.PositiveBigIntegerField(default=0)
    phase_total = models.PositiveBigIntegerField(default=0)
    step = models.PositiveBigIntegerField(default=0)
    total_steps = models.PositiveBigIntegerField(default=0)
    accuracy = models.FloatField(null=True)
    error = models.TextField(blank=True)
    log = models.TextField(blank=True)
    seconds = models.FloatField(null=True)
    losses = models.PositiveIntegerField(default=0)  # workers that died under it since it was last launched
    stop_asked_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True, db_index=True)
    ended_at = models.DateTimeField(null=True)

    # See webapp.experiments.compaction.
    event_files = models.JSONField(default=list)  # the last number and the name of each file of its events
    compacted = models.BooleanField(default=False)  # whether all events that are moved to files are there
    # The lease: the attempt that trains now, and the time until which it holds without being renewed.
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, db_index=True)

    created_at = models.DateTimeField(auto_now_add=True)

    # For a run that was trained elsewhere and came in an archive, under a key of its own: see webapp.experiments.imported_runs.
    claimed_key = models.CharField(max_length=64, blank=True, default="", db_index=True)  # its key there; empty if trained here
    origin = models.JSONField(null=True)  # training.storage.archive.Origin
    accepted_at = models.DateTimeField(null=True)  # when an administrator let new experiments use it
    confirmed = models.BooleanField(null=True)  # whether the run with the claimed key, trained here, has the same predictions

    clock: datetime
    """The database's time, for a locked run; set by webapp.experiments.bulk.lock."""

    class Meta:
        indexes = (
            models.Index(fields=("alike", "status", "ended_at"), name="newest_alike"),
            models.Index(fields=("ended_at",), condition=models.Q(compacted=False), name="run_to_compact"),
        )

    def __str__(self) -> str:
        return f"run {self.pk} ({self.key[:8]})"

    @property
    def imported(self) -> bool:
        return bool(self.claimed_key)

    @property
    def run_spec(self) -> RunSpec:
        return RunSpec.model_validate(self.spec)

    @property
    def fraction(self) -> float:
        """Share of the training that is done, from 0 to 1."""
        if self.status == Status.FINISHED:
            return 1.0
        return self.step / self.total_steps if self.total_steps else 0.0

    @property
    def percent(self) -> int:
        """The share in whole percents, which change at most a hundred times."""
        if self.status == Status.FINISHED:
            return 100
        return min(100, 100 * self.step // self.total_steps) if self.total_steps else 0


class Experiment(ListedColumns):
    """A specification with its owner. State and result are derived from its runs."""

    name = models.CharField(max_length=120)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="experiments")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="clones")
    project = models.ForeignKey(
        "organising.Project", null=True, on_delete=models.SET_NULL, related_name="experiments", db_index=False
    )
    origin = models.JSONField(null=True)  # if it came as an archive: its number and owner there, the archive's content hash
    spec = models.JSONField()
    triplets = models.JSONField(default=list)  # of the plan made at launch: keys, models, method, seed
    runs = models.ManyToManyField(Run, through="Part", related_name="experiments")
    result = models.JSONField(null=True)  # training.metrics.results.Result over the runs in result_runs
    result_runs = models.JSONField(default=list)  # keys of the finished runs that the result was computed from
    result_error = models.TextField(blank=True)
    result_due = models.BooleanField(default=False)  # a run finished, or a launch found one finished, since the result was stored
    created_at = models.DateTimeField(auto_now_add=True)
    priority = models.SmallIntegerField(choices=Priority, default=Priority.NORMAL)
    place = models.IntegerField(default=0)  # among the queued experiments of its owner, as moved; the lowest first
    budget_hours = models.FloatField(null=True)  # accelerator-hours after which it is stopped
    budget_error = models.TextField(blank=True)  # why the budget cannot be watched
    look_budget = models.PositiveSmallIntegerField(default=10)  # predictions from outside that may be submitted to it
    launched_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)  # set by Stop, cleared by a new launch
    evaluates = models.BooleanField(default=False)  # runs that trained when it was stopped are evaluated at their last checkpoint
    ended_at = models.DateTimeField(null=True)  # when the last of its runs ended
    transition = models.CharField(max_length=9, choices=Transition, blank=True, default="", db_index=True)  # under way, if any
    transition_by = models.CharField(max_length=200, blank=True, default="")  # the account that requested it
    transition_done = models.PositiveIntegerField(default=0)  # runs, in the order of the plan
    transition_total = models.PositiveIntegerField(default=0)

    class Meta(ListedColumns.Meta):
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"experiment {self.pk}: {self.name}"

    @property
    def experiment_spec(self) -> ExperimentSpec:
        return upgrade(self.spec)

    @property
    def compared(self) -> Plan:
        """The triplets of the last launch, which the result is about; without the specs of their runs."""
        return Plan(self.experiment_spec, {}, tuple(Triplet(**triplet) for triplet in self.triplets))


class ImportState(models.TextChoices):
    """The state of an archive that is being imported."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Being verified"
    DONE = "done", "Imported"
    FAILED = "failed", "Refused"


class ArchiveImport(models.Model):
    """An uploaded archive: unpacked and verified by the light worker, then an experiment or problems."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="archive_imports")
    file_name = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    state = models.CharField(max_length=8, choices=ImportState, default=ImportState.QUEUED, db_index=True)
    phase = models.CharField(max_length=40, blank=True)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    problems = models.JSONField(default=list)  # sentences
    experiment = models.ForeignKey(Experiment, null=True, on_delete=models.SET_NULL, related_name="+")
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"archive import {self.pk} ({self.file_name})"

    @property
    def folder(self) -> Path:
        """The folder of the file and of its unpacked content, if machines share no store."""
        return Path(settings.UPLOADS_DIR) / f"archive-{self.pk}"

    @property
    def at_work(self) -> bool:
        return self.state in (ImportState.QUEUED, ImportState.RUNNING)

    @property
    def percent(self) -> float:
        return round(100 * self.done / self.total, 1) if self.total else 0.0


class Pause(models.Model):
    """The pause of the queue; there is a row while it is paused."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"paused by {self.by}"


class Worker(models.Model):
    """A process that trains one run at a time, with its own description from its start and its last heartbeat."""

    name = models.CharField(max_length=200, unique=True)
    engine = models.PositiveIntegerField()
    packages = models.JSONField(default=dict)  # versions by name
    devices = models.JSONField(default=list)  # name, memory in bytes or None; from the last heartbeat used and busy (0 to 1)
    processes = models.PositiveIntegerField(default=1)  # that train one run together
    draining = models.BooleanField(default=False)  # it takes no further run, also after a restart
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, db_index=True)  # None once it has ended in order

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def memory(self) -> int | None:
        """Bytes of its largest device, of all for several processes, which may shard a model; None where one is unknown."""
        sizes: list[int | None] = [device["memory"] for device in self.devices]
        known = [size for size in sizes if size is not None]
        if not known or len(known) < len(sizes):
            return None
        return sum(known) if self.processes > 1 else max(known)


class Part(models.Model):
    """A run in an experiment, with its role and its place in the plan."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="parts")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="parts")
    role = models.CharField(max_length=8, choices=Role)
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("experiment", "run", "role"), name="one_part_per_role"),)

    def __str__(self) -> str:
        return f"{self.role} of experiment {self.experiment_id}"


class Event(models.Model):
    """An event of a run, numbered without gaps within the run; ``payload`` is a training.events.Event."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveBigIntegerField()
    attempt = models.PositiveIntegerField()
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("seq",)
        constraints = (models.UniqueConstraint(fields=("run", "seq"), name="one_event_per_seq"),)

    def __str__(self) -> str:
        return f"event {self.seq} of run {self.run_id}"
