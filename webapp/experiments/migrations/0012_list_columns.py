from collections import defaultdict
from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Max

from training.spec import upgrade
from webapp.experiments.fold import state_of
from webapp.experiments.list_columns import columns_of_result, columns_of_spec, facets_of
from webapp.experiments.listing_models import COUNTS

BATCH = 200


def fill(apps: Any, schema_editor: Any) -> None:
    """The columns of the experiments that are there, a bounded number of them at a time."""
    experiments = apps.get_model("experiments", "Experiment")
    apps.get_model("experiments", "ListRevision").objects.get_or_create(pk=1)
    last = 0
    while pks := list(experiments.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        rows = experiments.objects.filter(pk__in=pks).in_bulk()
        _count(apps, rows)
        for row in rows.values():
            row.state, row.search_name = state_of(row), row.name.casefold()
        _describe(apps, rows.values())
        experiments.objects.bulk_update(rows.values(), COLUMNS, batch_size=20)
        last = pks[-1]


def _count(apps: Any, rows: dict[int, Any]) -> None:
    parts = apps.get_model("experiments", "Part").objects.filter(experiment__in=rows).order_by()
    distinct = parts.values_list("experiment", "run", "run__status", "run__step", "run__total_steps").distinct()
    for pk, _, status, step, total in distinct.iterator():
        setattr(rows[pk], f"runs_{status}", getattr(rows[pk], f"runs_{status}") + 1)
        rows[pk].percents += 100 if status == "finished" else min(100, 100 * step // total) if total else 0
    for pk, started in parts.values("experiment").annotate(started=Max("run__started_at")).values_list("experiment", "started"):
        rows[pk].run_started_at = started


def _describe(apps: Any, rows: Any) -> None:
    facets, links = apps.get_model("experiments", "Facet"), apps.get_model("experiments", "ExperimentFacet")
    wanted: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        try:
            spec = upgrade(row.spec)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # the record is damaged, which its page says
        for name, value in columns_of_spec(spec).items():
            if name not in ("name", "search_name"):
                setattr(row, name, value)
        for facet in facets_of(spec):
            wanted[facet].append(row.pk)
        try:
            columns = columns_of_result(row.result, row.weak_model, row.strong_model)
        except (ValueError, TypeError, AttributeError):
            continue
        for name, value in columns.items():
            setattr(row, name, value)
    for (kind, value), pks in sorted(wanted.items()):
        facet, _ = facets.objects.get_or_create(kind=kind, value=value)
        links.objects.bulk_create([links(experiment_id=pk, facet=facet) for pk in pks])


COLUMNS = (
    *("state", *COUNTS, "percents", "run_started_at"),
    *("search_name", "dataset", "weak_model", "strong_model", "pairs", "seeds", "methods"),
    *("pgr", "pgr_low", "pgr_high", "pgr_state"),
)


class Migration(migrations.Migration):
    dependencies = (("experiments", "0011_transitions"),)

    operations = (
        migrations.CreateModel(
            name="ListRevision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Facet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("dataset", "Data set"), ("model", "Model"), ("method", "Method")], max_length=7)),
                ("value", models.TextField()),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("kind", "value"), name="one_facet_per_value")]},
        ),
        migrations.CreateModel(
            name="ExperimentFacet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("experiment", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="experiments.experiment")),
                ("facet", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="experiments.facet")),
            ],
        ),
        migrations.AddField("experiment", "state", models.CharField(choices=[("draft", "Draft"), ("waiting", "Queued"), ("running", "Running"), ("stopping", "Stopping"), ("stopped", "Stopped"), ("failed", "Failed"), ("finished", "Done")], default="draft", max_length=8)),
        migrations.AddField("experiment", "runs_waiting", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "runs_queued", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "runs_running", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "runs_stopping", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "runs_stopped", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "runs_finished", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "runs_failed", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "percents", models.PositiveBigIntegerField(default=0)),
        migrations.AddField("experiment", "run_started_at", models.DateTimeField(null=True)),
        migrations.AddField("experiment", "search_name", models.CharField(default="", max_length=360)),
        migrations.AddField("experiment", "dataset", models.TextField(default="")),
        migrations.AddField("experiment", "weak_model", models.TextField(default="")),
        migrations.AddField("experiment", "strong_model", models.TextField(default="")),
        migrations.AddField("experiment", "pairs", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "seeds", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "methods", models.TextField(default="")),
        migrations.AddField("experiment", "pgr", models.FloatField(null=True)),
        migrations.AddField("experiment", "pgr_low", models.FloatField(null=True)),
        migrations.AddField("experiment", "pgr_high", models.FloatField(null=True)),
        migrations.AddField("experiment", "pgr_state", models.CharField(default="", max_length=20)),
        migrations.AddField("experiment", "archived_at", models.DateTimeField(null=True)),
        migrations.AddField("experiment", "facets", models.ManyToManyField(related_name="experiments", through="experiments.ExperimentFacet", to="experiments.facet")),
        migrations.AddIndex("experiment", models.Index(fields=["state"], name="experiment_state")),
        migrations.AddIndex("experiment", models.Index(fields=["archived_at"], name="experiment_archived")),
        migrations.AddConstraint("experimentfacet", models.UniqueConstraint(fields=("facet", "experiment"), name="one_facet_per_experiment")),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    )
