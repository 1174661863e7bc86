from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("experiments", "0018_index_of_due_results"),)

    operations = (
        migrations.AddField("run", "event_files", models.JSONField(default=list)),
        migrations.AddField("run", "compacted", models.BooleanField(default=False)),
        migrations.AddIndex(
            "run", models.Index(fields=["ended_at"], condition=models.Q(compacted=False), name="run_to_compact")
        ),
    )
