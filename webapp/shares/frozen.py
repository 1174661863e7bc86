"""Frozen versions, read back: each file is compared with its checksum, and the checksums with the content hash."""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from training.names import LOCAL, within
from training.redaction import without_folders
from training.storage.archive import CHECKSUMS, names
from training.storage.checksums import DamagedArtifact, equal
from training.storage.shared_files import SharedFiles
from webapp.artifact_store import artifact_store, shares_folder
from webapp.explorer.finished_models import FinishedModels
from webapp.explorer.frozen_copy import thawed
from webapp.reports.missing_glyphs import scripts_without_glyphs
from webapp.reports.report import Report
from webapp.shares.freezing import ARCHIVE, EXAMPLES, PAPER

MISSING = "{} of this version is missing."
CHANGED = "{} is not what was frozen, so it is not shown."


class Damaged(Exception):
    """A file is missing or differs from the frozen one; the message says which."""


@dataclass(frozen=True)
class Frozen:
    """The version ``content``. Its files are read from the copies of this machine where machines share a store.

    Every method raises StoreUnreachable where the store is away and the copy is not here.
    """

    content: str

    @property
    def folder(self) -> Path:
        return within(shares_folder(), self.content)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file as they were frozen. Raises Damaged."""
        if name not in self._sums:
            raise Damaged(MISSING.format(name))
        return self._bytes(name, self._sums[name])

    @cached_property
    def paper(self) -> Report:
        """The report, without the names of folders that an old version may contain. Raises Damaged."""
        written = json.dumps(without_folders(json.loads(self._written))) if self.names_folders else self._written
        return Report.model_validate_json(written).model_copy(update={"content": self.content})

    @cached_property
    def names_folders(self) -> bool:
        """Return whether its files, which were made from the report, name the folder of a local model. Raises Damaged."""
        if f'"{LOCAL}/'.encode() not in self._written:  # no string in it begins so: the walk through all takes longer
            return False
        report = json.loads(self._written)
        return bool(report != without_folders(report))

    @cached_property
    def _written(self) -> bytes:
        return self.read(PAPER)

    @property
    def has_examples(self) -> bool:
        """Return whether it has examples that can be explored. Raises Damaged."""
        return bool(self._named(EXAMPLES))

    @property
    def finished(self) -> FinishedModels | None:
        """The models whose examples can be explored; None for a version without examples. Raises Damaged."""
        if not self.has_examples:
            return None
        if self._shared:  # copies may have been removed since the check
            for name, checksum in (self._named(ARCHIVE) | self._named(EXAMPLES)).items():
                self._fetch(name, checksum)
        return _finished_models(self, self.folder)

    def check(self, part: str) -> None:
        """Compare every file below the folder ``part`` with its checksum. Raises Damaged."""
        named = self._named(part)
        there = {f"{part}/{name}" for name in names(self.folder / part) if not Path(name).name.startswith(".")}
        for name in sorted(named.keys() | there):
            if name not in there:
                raise Damaged(MISSING.format(name))
            if name not in named or not equal(self.folder / name, named[name]):
                raise Damaged(CHANGED.format(name))

    def _named(self, part: str) -> dict[str, str]:
        """Return the checksums of the files below the folder ``part``. Raises Damaged."""
        return {name: checksum for name, checksum in self._sums.items() if name.startswith(f"{part}/")}

    @cached_property
    def _sums(self) -> dict[str, str]:
        data = self._bytes(CHECKSUMS, self.content)
        lines = [line.split("  ", 1) for line in data.decode().splitlines()]
        return {name: digest for digest, name in lines}

    def _bytes(self, name: str, checksum: str) -> bytes:
        problem = MISSING
        for again in (False, True):  # a copy may be removed meanwhile, or be damaged
            self._fetch(name, checksum, again=again)
            with suppress(FileNotFoundError):
                data = (self.folder / name).read_bytes()
                if hashlib.sha256(data).hexdigest() == checksum:
                    return data
                problem = CHANGED
        raise Damaged(problem.format(name))

    def _fetch(self, name: str, checksum: str, *, again: bool = False) -> None:
        """Have a copy of the file here where machines share a store. Raises Damaged."""
        if self._shared is None:
            return
        try:
            self._shared.fetch_listed(self.folder / name, checksum, again=again)
        except FileNotFoundError:
            raise Damaged(MISSING.format(name)) from None
        except DamagedArtifact:
            raise Damaged(CHANGED.format(name)) from None

    @cached_property
    def _shared(self) -> SharedFiles | None:
        return artifact_store().shared


@lru_cache(256)
def missing_scripts(content: str) -> str:
    """Return the scripts, in one line, whose characters are empty boxes in the PDF; nothing for a damaged version."""
    try:
        return ", ".join(scripts_without_glyphs(Frozen(content).paper.text))
    except Damaged:
        return ""


@lru_cache(64)
def _finished_models(frozen: Frozen, folder: Path) -> FinishedModels:
    """Return the models after a check of the files, once in a web process: a million examples take a second."""
    for part in (ARCHIVE, EXAMPLES):
        frozen.check(part)
    return thawed(folder / ARCHIVE, folder / EXAMPLES)
