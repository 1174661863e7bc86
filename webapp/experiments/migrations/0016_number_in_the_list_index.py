from django.db import migrations, models

LISTED = ["dataset", "weak_model", "strong_model", "pgr", "ended_at", "created_at", "search_name"]


class Migration(migrations.Migration):
    dependencies = (("experiments", "0015_list_index"),)

    operations = (
        migrations.RemoveIndex("experiment", "experiment_listed"),
        migrations.AddIndex(
            "experiment", models.Index(fields=["archived_at", "owner", "state", *LISTED, "id"], name="experiment_listed")
        ),
    )
