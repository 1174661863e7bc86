from django.db import migrations, models

SCOPES = [("read", "only read"), ("write", "read and write"), ("worker", "only train runs, as a worker by HTTPS")]


class Migration(migrations.Migration):
    dependencies = (("accounts", "0005_preference"),)

    operations = (
        migrations.AlterField("token", "scope", models.CharField(choices=SCOPES, default="write", max_length=6)),
    )
