"""Projects of experiments, and tags, favourites and saved views of the list of experiments."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

LONGEST_NAME = 80
LONGEST_DESCRIPTION = 20_000
LONGEST_QUERY = 2_000

MOST_TAGS = 20
"""Tags of one experiment."""

MOST_VIEWS = 50
"""Saved views of one account."""


class Project(models.Model):
    """A named folder of experiments. An experiment is in one project or in none."""

    name = models.CharField(max_length=LONGEST_NAME)
    description = models.TextField(max_length=LONGEST_DESCRIPTION, blank=True)  # Markdown
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="projects")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(Lower("name"), name="one_project_per_name"),)

    def __str__(self) -> str:
        return f"project {self.pk}: {self.name}"


class ExperimentTag(models.Model):
    """A tag of an experiment, seen by the whole team. Tags of examples are in webapp.notes."""

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(max_length=40)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="experiment_tags")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("experiment", "name"), name="one_experiment_tag_per_name"),)
        indexes = (models.Index(fields=("name", "experiment"), name="experiments_by_tag"),)

    def __str__(self) -> str:
        return f"{self.name} on experiment {self.experiment_id}"


class Favourite(models.Model):
    """An experiment that an account has marked with a star, for itself alone."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favourites", db_index=False)
    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.CASCADE, related_name="favourites")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "experiment"), name="one_favourite_per_experiment"),)

    def __str__(self) -> str:
        return f"experiment {self.experiment_id} of account {self.account_id}"


class SavedView(models.Model):
    """Filters, columns and order of the list of experiments under a name, for its owner or for everybody."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=LONGEST_NAME)
    query = models.CharField(max_length=LONGEST_QUERY, blank=True)  # of the address of the list, without its page
    shared = models.BooleanField(default=False, db_index=True)

    class Meta:
        ordering = ("name", "id")
        constraints = (models.UniqueConstraint(fields=("owner", "name"), name="one_saved_view_per_name"),)

    def __str__(self) -> str:
        return f"view {self.name} of account {self.owner_id}"
