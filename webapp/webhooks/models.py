"""Calls of the webhook, pending and done."""

from django.db import models

from webapp.experiments.models import Experiment


class Call(models.Model):
    """A call for one end of one experiment. An experiment that is launched again ends again, with another call."""

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
