"""The layout of a backup, a zip file.

backup.json             a Manifest
tables/APP.MODEL.jsonl  a line with the columns of the table, and a line for each row
secret-key              the key of the installation, unless SECRET_KEY has it
artifacts/ datasets/ shares/ uploads/    the files of the folders of DATA_DIR
checksums.txt           the SHA-256 of every other file, in the format of sha256sum
"""

import re
from datetime import datetime
from typing import Literal

from pydantic import Field

from training.base_models import Requested
from training.spec import ENGINE_VERSION
from webapp.backups.files import SECRET_KEY, folders
from webapp.backups.tables import Migration, unknown

ABOUT, CHECKSUMS, TABLES = "backup.json", "checksums.txt", "tables/"
FIXED = "|".join(map(re.escape, (ABOUT, CHECKSUMS, SECRET_KEY)))
NAME = re.compile(rf"{FIXED}|{TABLES}[\w.]+\.jsonl|({'|'.join(folders())})(/[^/\\\0]+)+")
BLOCK = 2**20


class NotRestorable(ValueError):
    """The backup cannot be restored here; the message says why."""


class Manifest(Requested):
    """A backup that was made at ``made_at`` by a laboratory with these migrations and this version of the engine."""

    format: Literal[1] = 1
    made_at: datetime
    engine: int = ENGINE_VERSION
    migrations: list[Migration] = Field(min_length=1)
    rows: dict[str, int]
    """Number of rows of each table."""


def check_version(manifest: Manifest) -> None:
    """Raise NotRestorable for a backup of a newer version."""
    newer = unknown(manifest.migrations)
    if newer or manifest.engine > ENGINE_VERSION:
        cause = f"migration {newer[0][1]} of {newer[0][0]}" if newer else f"engine {manifest.engine}"
        raise NotRestorable(f"The backup is of a newer version of the laboratory ({cause}): update this one first.")


def table_name(label: str) -> str:
    return f"{TABLES}{label}.jsonl"


def safe(name: str) -> bool:
    """Return whether a backup may have a file of this name, which stays below the folder that it is unpacked into."""
    return bool(NAME.fullmatch(name)) and not {".", ".."} & set(name.split("/"))
