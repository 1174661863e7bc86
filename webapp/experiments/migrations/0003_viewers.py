"""The group of the accounts that only look (webapp/access.py), so that Django's admin site can offer it."""

from typing import Any

from django.db import migrations


def create(apps: Any, schema_editor: Any) -> None:
    apps.get_model("auth", "Group").objects.get_or_create(name="viewers")


class Migration(migrations.Migration):
    dependencies = (
        ("experiments", "0002_origin"),
        ("auth", "0012_alter_user_first_name_max_length"),
    )

    operations = (migrations.RunPython(create, migrations.RunPython.noop),)
