"""The tables of a database as lines of JSON, which SQLite and PostgreSQL both read; in bounded memory."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.color import no_style
from django.db import connection, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models import Field, Model

from training.base_models import cleaned

SNAPSHOT = "snapshot"
"""Alias of the connection that reads a snapshot."""

BATCH = 500
"""Rows that are written together."""

Migration = tuple[str, str]
"""App and name of a migration."""


@contextmanager
def snapshot(folder: Path) -> Iterator[str]:
    """Yield the alias of a connection that sees the database as it is now, also when it changes during the block.

    SQLite copies its file into ``folder``, since a long transaction would keep its log from being shortened.
    """
    copy = connection.copy(alias=SNAPSHOT)
    if connection.vendor == "sqlite":
        copy.settings_dict["NAME"] = str(folder / "snapshot.sqlite3")
        connection.ensure_connection()
        with closing(sqlite3.connect(copy.settings_dict["NAME"])) as file:
            connection.connection.backup(file)
    connections[SNAPSHOT] = copy
    try:
        with transaction.atomic(using=SNAPSHOT):
            if connection.vendor == "postgresql":
                copy.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                copy.cursor().execute("SELECT 1")  # its first query is the moment that a transaction sees
            yield SNAPSHOT
    finally:
        copy.close()
        del connections[SNAPSHOT]


def applied(using: str) -> list[Migration]:
    """Return the migrations that the database has."""
    loader = MigrationLoader(connections[using])
    return sorted(name for name in loader.applied_migrations if name in loader.graph.nodes)


def unknown(migrations: Iterable[Migration]) -> list[Migration]:
    """Return those of ``migrations`` that this version of the laboratory does not have."""
    return sorted(set(migrations) - set(MigrationLoader(None).disk_migrations))


def steps_to(migrations: Sequence[Migration]) -> list[tuple[str, ...]]:
    """Return the arguments of the calls of ``migrate`` that apply these migrations to a new database, and no others."""
    graph, given = MigrationLoader(None).graph, set(migrations)
    if given >= set(graph.leaf_nodes()):
        return [()]
    return [name for name in migrations if not any(child.key in given for child in graph.node_map[name].children)]


def models_of(migrations: Sequence[Migration]) -> dict[str, type[Model]]:
    """Return the models of a database that has these migrations, with those of many-to-many relations, by label."""
    apps = MigrationLoader(None).project_state(list(migrations)).apps
    models = apps.get_models(include_auto_created=True)
    return {model._meta.label_lower: model for model in models if model._meta.managed and not model._meta.proxy}


def _fields(model: type[Model]) -> "list[Field[Any, Any]]":
    return list(model._meta.concrete_fields)


def lines_of(model: type[Model], using: str) -> Iterator[str]:
    """Yield the names of the columns, and then each row by ascending key, as JSON lists."""
    names = [field.attname for field in _fields(model)]
    yield json.dumps(names) + "\n"
    rows = model._base_manager.using(using).order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=BATCH):
        yield json.dumps(row, default=_as_text, ensure_ascii=False) + "\n"


def _as_text(value: object) -> str:
    """Return what ``Field.to_python`` reads. Raise TypeError for a value that no column of ours has."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID | timedelta):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in a backup")


def clear(models: Iterable[type[Model]]) -> None:
    """Delete what migrations write into new tables; within a transaction, since keys refer to other tables."""
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # nosec B608 # a name of ours


def load(model: type[Model], lines: Iterable[str]) -> int:
    """Write the rows that ``lines_of`` gave and return their number. Raise ValueError or KeyError for lines that are none."""
    rows = map(json.loads, lines)
    known = {field.attname: field for field in _fields(model)}
    fields = [known[name] for name in next(rows, ())]
    table = connection.ops.quote_name(model._meta.db_table)
    names = [connection.ops.quote_name(str(field.column)) for field in fields]
    sql = " ".join(["INSERT INTO", table, "(", ", ".join(names), ") VALUES (", ", ".join(["%s"] * len(names)), ")"])
    count = 0
    with connection.cursor() as cursor:
        while batch := list(islice(rows, BATCH)):
            if connection.vendor == "postgresql":
                batch = cleaned(batch)
            values = [
                [field.get_db_prep_save(field.to_python(value), connection) for field, value in zip(fields, row, strict=True)]
                for row in batch
            ]
            cursor.executemany(sql, values)
            count += len(batch)
    return count


def continue_numbers(models: Iterable[type[Model]]) -> None:
    """Have new rows numbered after those that were written with their numbers."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(models)):
            cursor.execute(statement)
