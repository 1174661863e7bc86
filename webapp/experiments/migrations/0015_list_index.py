from django.db import migrations, models

LISTED = ["dataset", "weak_model", "strong_model", "pgr", "ended_at", "created_at", "search_name"]


class Migration(migrations.Migration):
    dependencies = (("experiments", "0014_home_indexes"),)

    operations = (
        migrations.RemoveIndex("experiment", "experiment_state"),
        migrations.AddIndex("experiment", models.Index(fields=["state", "archived_at"], name="experiment_state")),
        migrations.AddIndex("experiment", models.Index(fields=["archived_at", "owner", "state", *LISTED], name="experiment_listed")),
    )
