"""Tokens have moved to webapp.accounts; those that are there go on working, without an end, as their owners expect."""

from typing import Any

from django.db import migrations


def move(apps: Any, schema_editor: Any) -> None:
    new = apps.get_model("accounts", "Token")
    for old in apps.get_model("api", "ApiToken").objects.order_by("pk"):
        made = new.objects.create(user_id=old.user_id, name="made before tokens had names", digest=old.digest)
        new.objects.filter(pk=made.pk).update(created_at=old.created_at)


class Migration(migrations.Migration):
    dependencies = (
        ("api", "0002_launch"),
        ("accounts", "0001_initial"),
    )

    operations = (migrations.RunPython(move, migrations.RunPython.noop),)
