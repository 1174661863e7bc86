"""Columns of an experiment that follow from its runs, its specification and its result, for lists; and what lists filter by."""

from django.db import models


class State(models.TextChoices):
    """The state of an experiment, derived by webapp.experiments.fold.state_of and stored in its row."""

    DRAFT = "draft", "Draft"
    WAITING = "waiting", "Queued"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    STOPPED = "stopped", "Stopped"
    FAILED = "failed", "Failed"
    FINISHED = "finished", "Done"


LISTED = ("dataset", "weak_model", "strong_model", "pgr", "ended_at", "created_at", "search_name")
"""Further columns that lists filter or sort by. With them the index alone says which rows a page has: the rows are large."""


class ListedColumns(models.Model):
    """The derived columns; webapp.experiments.changes writes them in the transaction that changes what they are derived from."""

    # Of its runs, each counted once.
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    runs_waiting = models.PositiveIntegerField(default=0)
    runs_queued = models.PositiveIntegerField(default=0)
    runs_running = models.PositiveIntegerField(default=0)
    runs_stopping = models.PositiveIntegerField(default=0)
    runs_stopped = models.PositiveIntegerField(default=0)
    runs_finished = models.PositiveIntegerField(default=0)
    runs_failed = models.PositiveIntegerField(default=0)
    percents = models.PositiveBigIntegerField(default=0)  # the sum of Run.percent
    run_started_at = models.DateTimeField(null=True)  # when the last of them was claimed by a worker

    # Of its specification.
    search_name = models.CharField(max_length=360, default="")  # its name, case-folded
    dataset = models.TextField(default="")
    weak_model = models.TextField(default="")  # of the first pair, as the strong one
    strong_model = models.TextField(default="")
    pairs = models.PositiveIntegerField(default=0)
    seeds = models.PositiveIntegerField(default=0)
    methods = models.TextField(default="")  # the kinds in their order, separated by commas
    facets = models.ManyToManyField("experiments.Facet", through="experiments.ExperimentFacet", related_name="experiments")

    # Of the first method of the first pair that has a PGR, otherwise of their first method.
    pgr = models.FloatField(null=True)
    pgr_low = models.FloatField(null=True)
    pgr_high = models.FloatField(null=True)
    pgr_state = models.CharField(max_length=20, default="")  # training.metrics.agreement.State; empty without a result

    archived_at = models.DateTimeField(null=True)  # when a person put it out of the lists

    class Meta:
        abstract = True
        indexes = (
            models.Index(fields=("state", "archived_at"), name="experiment_state"),
            # With the number, which SQLite adds to every index and PostgreSQL does not.
            models.Index(fields=("archived_at", "owner", "state", *LISTED, "id"), name="experiment_listed"),
            models.Index(fields=("project", "archived_at", "-id"), name="experiment_project"),
            models.Index(fields=("archived_at", "ended_at"), name="experiment_ended"),
            models.Index(fields=("owner", "archived_at", "ended_at"), name="experiment_ended_of_owner"),
            models.Index(fields=("owner", "state"), name="experiment_state_of_owner"),
            models.Index(fields=("search_name",), name="experiment_name"),
            models.Index(fields=("ended_at",), condition=models.Q(result_due=True), name="experiment_result_due"),
        )

    @property
    def run_counts(self) -> dict[str, int]:
        """The number of its runs by status."""
        return {name.removeprefix("runs_"): getattr(self, name) for name in COUNTS}

    @property
    def runs_total(self) -> int:
        return sum(self.run_counts.values())

    @property
    def runs_active(self) -> int:
        return self.runs_waiting + self.runs_queued + self.runs_running + self.runs_stopping

    @property
    def fraction(self) -> float:
        """Share of the steps that is done, from 0 to 1, all runs counting the same; without a query."""
        return self.percents / (100 * self.runs_total) if self.runs_total else 0.0


COUNTS = tuple(f"runs_{status}" for status in ("waiting", "queued", "running", "stopping", "stopped", "finished", "failed"))
"""The columns with numbers of runs, by status."""


class Facet(models.Model):
    """A value that experiments are filtered by: a data set, a model, or a kind of method."""

    class Kind(models.TextChoices):
        DATASET = "dataset", "Data set"
        MODEL = "model", "Model"
        METHOD = "method", "Method"

    kind = models.CharField(max_length=7, choices=Kind)
    value = models.TextField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("kind", "value"), name="one_facet_per_value"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class ExperimentFacet(models.Model):
    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.CASCADE, related_name="+")
    facet = models.ForeignKey(Facet, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("facet", "experiment"), name="one_facet_per_experiment"),)

    def __str__(self) -> str:
        return f"{self.facet} of experiment {self.experiment_id}"


class ListRevision(models.Model):
    """One row with a number that grows whenever any list of experiments may look different."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)
