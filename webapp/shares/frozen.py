"""Frozen versions, read back: each file is compared with its checksum, and the checksums with the content hash."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from training.names import within
from training.redaction import without_folders
from training.storage.archive import CHECKSUMS, digest, names
from webapp.explorer.finished_models import FinishedModels
from webapp.explorer.frozen_copy import thawed
from webapp.reports.missing_glyphs import scripts_without_glyphs
from webapp.reports.report import Report
from webapp.shares.freezing import ARCHIVE, EXAMPLES, PAPER


class Damaged(Exception):
    """A file is missing or differs from the frozen one; the message says which."""


@dataclass(frozen=True)
class Frozen:
    content: str

    @property
    def folder(self) -> Path:
        return within(settings.SHARES_DIR, self.content)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file as they were frozen. Raises Damaged."""
        data = self._bytes(name)
        if hashlib.sha256(data).hexdigest() != self._sums.get(name):
            raise Damaged(f"{name} is not what was frozen, so it is not shown.")
        return data

    @cached_property
    def paper(self) -> Report:
        """The report, without the names of folders that an old version may contain. Raises Damaged."""
        return Report.model_validate(without_folders(self._json)).model_copy(update={"content": self.content})

    @cached_property
    def names_folders(self) -> bool:
        """Return whether its files, which were made from the report, name the folder of a local model. Raises Damaged."""
        return bool(self._json != without_folders(self._json))

    @cached_property
    def _json(self) -> Any:
        return json.loads(self.read(PAPER))

    @property
    def finished(self) -> FinishedModels | None:
        """The models whose examples can be explored; None for a version without examples. Raises Damaged."""
        return _finished_models(self)

    def check(self, part: str) -> None:
        """Compare every file below the folder ``part`` with its checksum. Raises Damaged."""
        named = {name: checksum for name, checksum in self._sums.items() if name.startswith(f"{part}/")}
        there = {f"{part}/{name}" for name in names(self.folder / part)}
        for name in sorted(named.keys() | there):
            if name not in there:
                raise Damaged(f"{name} of this version is missing.")
            if digest(self.folder / name) != named.get(name):
                raise Damaged(f"{name} is not what was frozen, so it is not shown.")

    @cached_property
    def _sums(self) -> dict[str, str]:
        data = self._bytes(CHECKSUMS)
        if hashlib.sha256(data).hexdigest() != self.content:
            raise Damaged(f"{CHECKSUMS} is not what was frozen, so nothing of it is shown.")
        lines = [line.split("  ", 1) for line in data.decode().splitlines()]
        return {name: digest for digest, name in lines}

    def _bytes(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise Damaged(f"{name} of this version is missing.") from None


@lru_cache(256)
def missing_scripts(content: str) -> str:
    """Return the scripts, in one line, whose characters are empty boxes in the PDF; nothing for a damaged version."""
    try:
        return ", ".join(scripts_without_glyphs(Frozen(content).paper.text))
    except Damaged:
        return ""


@lru_cache(64)
def _finished_models(frozen: Frozen) -> FinishedModels | None:
    """Return the models after a check of the files, once in a web process: a million examples take a second."""
    if not (frozen.folder / EXAMPLES).exists():
        return None
    for part in (ARCHIVE, EXAMPLES):
        frozen.check(part)
    return thawed(frozen.folder / ARCHIVE, frozen.folder / EXAMPLES)
