from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Model

from webapp import database_outages
from webapp.management.commands.recover import Recovery

Damage = Callable[[Model, str], None]


@pytest.fixture(params=["not JSON", '"text"', "[]", '{"kind": "dreamt"}'])
def damage(request: pytest.FixtureRequest) -> Damage:
    """Writes something else into a JSON column; text that is not JSON only where the database allows it."""
    text = request.param
    if text == "not JSON" and connection.vendor != "sqlite":
        text = "17"

    def write(row: Model, column: str) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA ignore_check_constraints = ON")
            cursor.execute(f"UPDATE {row._meta.db_table} SET {column} = %s WHERE id = %s", [text, row.pk])
            if connection.vendor == "sqlite":
                cursor.execute("PRAGMA ignore_check_constraints = OFF")

    return write


@pytest.fixture
def recovery(monkeypatch: pytest.MonkeyPatch) -> Recovery:
    """A recovery that gives workers no time to renew their leases first."""
    monkeypatch.setattr(database_outages, "grace", lambda: timedelta(0))
    return Recovery()
