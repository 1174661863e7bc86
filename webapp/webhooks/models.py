"""What is to be told, and what was."""

from django.db import models

from webapp.experiments.models import Experiment


class Call(models.Model):
    """One end of one experiment, which is told once. An experiment that is launched again has another end, and another call."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="calls")
    ended_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, db_index=True)  # None once it was delivered or given up
    tries = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)  # of the last try

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("experiment", "ended_at"), name="one_call_per_end"),)

    def __str__(self) -> str:
        return f"call for experiment {self.experiment_id}"
