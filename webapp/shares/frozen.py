"""What was frozen, read back: each file is compared with its checksum, and the checksums with the content hash."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.conf import settings

from training.archive import CHECKSUMS
from webapp.papers.paper import Paper
from webapp.shares.freezing import PAPER


class Damaged(Exception):
    """A file is missing, or is not what was frozen; the message says which."""


@dataclass(frozen=True)
class Frozen:
    content: str

    @property
    def folder(self) -> Path:
        folder: Path = settings.SHARES_DIR / self.content
        return folder

    def read(self, name: str) -> bytes:
        """The bytes of a file as they were frozen. Raises Damaged."""
        data = self._bytes(name)
        if hashlib.sha256(data).hexdigest() != self._sums.get(name):
            raise Damaged(f"{name} is not what was frozen, so it is not shown.")
        return data

    @cached_property
    def paper(self) -> Paper:
        """What the page says. Raises Damaged."""
        return Paper.model_validate_json(self.read(PAPER)).model_copy(update={"content": self.content})

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
        except OSError:
            raise Damaged(f"{name} of this version is missing.") from None
