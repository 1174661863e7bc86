"""Small files to upload, quick to check, and work on their imports in this process."""

import random
from pathlib import Path

from django.contrib.auth.models import User

from training.catalog.column_mapping import Mapping
from webapp.actions import datasets as dataset_actions
from webapp.imports import services
from webapp.imports.models import Import
from webapp.jobs import chores

NO, YES = ({"name": name, "values": [name]} for name in ("no", "yes"))
HOW = {"kind": "labelled", "text": "body", "label": "verdict", "classes": [NO, YES], "group": None}
WORDS = [f"word{number}" for number in range(300)]


def content(rows: int = 150, last: str = "") -> bytes:
    """A CSV; ``last`` is a row that does not fit."""
    draw = random.Random(0)
    lines = [f"{' '.join(draw.choices(WORDS, k=12))},{'yes' if number % 2 else 'no'}" for number in range(rows)]
    return "\n".join(["body,verdict", *lines, *filter(None, [last]), ""]).encode()


def sums(rows: int = 150, *more: str) -> bytes:
    """A CSV of sums with their results and digits; ``more`` are further rows."""
    lines = [f"What is {number} + {number + 1}?,{2 * number + 1},{len(str(number))},sums" for number in range(rows)]
    return "\n".join(["question,answer,difficulty,topic", *lines, *more, ""]).encode()


def brought(owner: User, folder: Path, body: bytes | None = None, name: str = "notes.csv") -> Import:
    folder.mkdir(exist_ok=True)
    path = folder / "sent"
    path.write_bytes(content() if body is None else body)
    return dataset_actions.upload(owner, path, name)


def queued(owner: User, folder: Path, body: bytes | None = None, **how: object) -> Import:
    row = brought(owner, folder, body)
    services.check(row, Mapping.model_validate(HOW | how))
    return row


def work(row: Import) -> Import:
    """Do the queued work here and now."""
    chores.work()
    row.refresh_from_db()
    return row
