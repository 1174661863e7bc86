"""Writing a backup while the laboratory works.

The database is read first, as it is at one moment. A file is complete before the database refers to it and is replaced as a
whole, so the files that are read later have all that those rows refer to.
"""

import hashlib
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from training.storage.archive import STORED, OnProgress, no_progress
from training.storage.atomic import atomic
from training.storage.checksums import SUFFIX
from webapp.backups import files, tables
from webapp.backups.contents import ABOUT, BLOCK, CHECKSUMS, Manifest, table_name
from webapp.experiments.models import Status

DENSE = (*STORED, ".npy", ".bin", ".safetensors")
"""Suffixes of files that hardly become smaller."""


class NotBackedUp(Exception):
    """No backup can be made; the message says why."""


def write(target: Path, on_progress: OnProgress = no_progress) -> Manifest:
    """Write the backup ``target``, which appears when it is complete. Raise NotBackedUp, OSError."""
    if target.exists():
        raise NotBackedUp(f"{target} exists already: name a file that does not.")
    with atomic(target) as path, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as packed:
        backup = _Backup(packed, on_progress)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as place, tables.snapshot(Path(place)) as using:
            manifest, finished = backup.add_tables(using)
        backup.add_files()
        backup.check_runs(finished)
        backup.add(ABOUT, [manifest.model_dump_json(indent=1).encode()])
        packed.writestr(CHECKSUMS, "".join(f"{digest}  {name}\n" for name, digest in backup.digests.items()))
    return manifest


class _Backup:
    """A zip file in the making, with the SHA-256 of each of its files."""

    def __init__(self, packed: zipfile.ZipFile, on_progress: OnProgress) -> None:
        self._packed, self._on_progress = packed, on_progress
        self.digests: dict[str, str] = {}

    def add(self, name: str, blocks: Iterable[bytes]) -> str:
        """Add a file and return its SHA-256."""
        entry = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
        entry.compress_type = zipfile.ZIP_STORED if name.endswith(DENSE) else zipfile.ZIP_DEFLATED
        digest = hashlib.sha256()
        with self._packed.open(entry, "w", force_zip64=True) as sink:
            for block in blocks:
                digest.update(block)
                sink.write(block)
        self.digests[name] = digest.hexdigest()
        return self.digests[name]

    def add_tables(self, using: str) -> tuple[Manifest, set[str]]:
        """Add every table. Return what the backup is, and the keys of the finished runs."""
        migrations, made_at = tables.applied(using), datetime.now(UTC)
        models = tables.models_of(migrations)
        rows = dict[str, int]()
        for done, (label, model) in enumerate(models.items()):
            self._on_progress("reading the database", done, len(models))
            rows[label] = model._base_manager.using(using).count()
            self.add(table_name(label), (line.encode() for line in tables.lines_of(model, using)))
        run = models["experiments.run"]._base_manager.using(using)
        finished = set(run.filter(status=Status.FINISHED).values_list("key", flat=True))
        return Manifest(made_at=made_at, migrations=migrations, rows=rows), finished

    def add_files(self) -> None:
        """Add the files that are there. Raise NotBackedUp for one that is not what was written."""
        names = list(files.names())
        for done, name in enumerate(names):
            self._on_progress("copying files", done, len(names))
            with ExitStack() as stack:
                try:
                    file = stack.enter_context(files.opened(name))
                except FileNotFoundError:
                    continue  # of a run that has ended meanwhile, or an upload that was discarded
                digest = self.add(name, _blocks(file))
            if not name.endswith(SUFFIX) and files.expected(name) not in (None, digest):
                raise NotBackedUp(f"{name} is damaged: not what was written. The command “verify” mends what can be mended.")

    def check_runs(self, finished: Iterable[str]) -> None:
        """Raise NotBackedUp where the predictions of a finished run are missing."""
        for key in finished:
            if (name := f"artifacts/runs/{key}/predictions.parquet") not in self.digests:
                raise NotBackedUp(f"{name} is missing. The command “verify” has the run trained again.")


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block
