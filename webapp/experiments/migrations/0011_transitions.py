from typing import Any

from django.db import migrations, models

from webapp.experiments.run_groups import group_of

SETTINGS = (
    *("dataset", "test_fraction", "locked_fraction", "validation_fraction", "limit"),
    *("model", "adaptation", "epochs", "batch_size", "max_tokens"),
)
ASKED = ("zero-shot", "few-shot")
BATCH = 500


def fill(apps: Any, schema_editor: Any) -> None:
    """The groups of the runs that are there, as webapp.experiments.run_groups has them."""
    model = apps.get_model("experiments", "Run")
    last = 0
    while runs := list(model.objects.filter(pk__gt=last).order_by("pk").only("spec")[:BATCH]):
        for run in runs:
            spec = run.spec
            derives = bool(spec.get("members")) or spec.get("errors", "own") != "own" or spec["method"]["kind"] in ASKED
            run.alike = group_of([*(spec.get(name) for name in SETTINGS), derives])
        model.objects.bulk_update(runs, ["alike"])
        last = runs[-1].pk


class Migration(migrations.Migration):
    dependencies = (("experiments", "0010_budget_error"),)

    operations = (
        migrations.AddField("experiment", "transition", models.CharField(blank=True, choices=[("launching", "Launching"), ("stopping", "Stopping")], db_index=True, default="", max_length=9)),
        migrations.AddField("experiment", "transition_by", models.CharField(blank=True, default="", max_length=200)),
        migrations.AddField("experiment", "transition_done", models.PositiveIntegerField(default=0)),
        migrations.AddField("experiment", "transition_total", models.PositiveIntegerField(default=0)),
        migrations.AddField("run", "alike", models.CharField(db_index=True, default="", max_length=32)),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    )
