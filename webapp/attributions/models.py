"""The attribution of a run's answer for an example to the words of its text."""

from django.db import models

from training.command_output import Attribution


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    ANSWERED = "answered", "Answered"
    FAILED = "failed", "Failed"


AT_WORK = (State.QUEUED, State.RUNNING)


class Question(models.Model):
    """An attribution that was requested, and its result once it has been computed."""

    key = models.CharField(max_length=64)  # of the run
    example = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED, db_index=True)
    answer = models.JSONField(null=True)  # training.command_output.Attribution
    error = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("key", "example"), name="one_question_per_run_and_example"),)

    def __str__(self) -> str:
        return f"words of example {self.example} for run {self.key[:8]}"

    @property
    def attribution(self) -> Attribution | None:
        return Attribution.model_validate(self.answer) if self.answer else None

    @property
    def at_work(self) -> bool:
        return self.state in AT_WORK
