from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("experiments", "0017_looks"),)

    operations = (
        migrations.AddIndex(
            "experiment",
            models.Index(fields=["ended_at"], condition=models.Q(result_due=True), name="experiment_result_due"),
        ),
    )
