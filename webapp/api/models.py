"""Requests with an idempotency key."""

from django.conf import settings
from django.db import models


class Launch(models.Model):
    """An experiment that was posted with an Idempotency-Key, so that a repeated request does not create a second one."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    body = models.CharField(max_length=64)
    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "key"), name="one_launch_per_key"),)

    def __str__(self) -> str:
        return f"{self.key} of {self.user}"
