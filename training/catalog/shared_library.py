"""The library's files in the store that several machines share: ``datasets/`` there, by the same names as in the folder here.

Without ARTIFACTS_URL every function does nothing.
"""

import time
from contextlib import suppress
from pathlib import Path

from training.storage.atomic import atomic
from training.storage.checksums import CHANGED, DamagedArtifact, digest
from training.storage.remote import Remote, StoreUnreachable, shared_remote

FRESH_SECONDS = 5.0
"""Time for which cards and their names are taken without asking the store again."""
FOLDER = "datasets/"

_answers: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}
"""Times of the last questions by store and name, with the answer to a question for names."""


def publish(folder: Path, *paths: Path) -> None:
    """Upload files in this order. Raises StoreUnreachable."""
    if remote := shared_remote():
        for path in paths:
            remote.upload(path, _name(folder, path))


def fetch(folder: Path, path: Path, fingerprint: str = "") -> None:
    """Have the file ``path`` of the library here, if the store has it; of this SHA-256, if one is given.

    Raises StoreUnreachable, DamagedArtifact.
    """
    remote = None if path.exists() else shared_remote()
    if remote is None:
        return
    with suppress(FileNotFoundError), atomic(path) as partial:
        remote.download(_name(folder, path), partial)
        if fingerprint and digest(partial) != fingerprint:
            raise DamagedArtifact("", f"The data set {fingerprint[:12]}", CHANGED)


def renew(folder: Path, card: Path) -> None:
    """Take the store's card, where it is another one. While the store cannot be reached, the one here counts."""
    remote = shared_remote()
    if remote is None or _fresh(remote, card.name):
        return
    with suppress(FileNotFoundError, StoreUnreachable):
        content = remote.read(_name(folder, card))
        if not (card.exists() and card.read_bytes() == content):
            with atomic(card) as path:
                path.write_bytes(content)
    _answers[remote.url, card.name] = time.monotonic(), ()


def names(below: str = "") -> tuple[str, ...]:
    """Return the names of the store's files in the folder ``below`` of the library, which ends in ``/`` if there is one."""
    remote = shared_remote()
    if remote is None:
        return ()
    if not _fresh(remote, below):
        there = tuple[str, ...]()
        with suppress(StoreUnreachable):
            there = tuple(name.removeprefix(FOLDER + below) for name in remote.names(FOLDER + below))
        _answers[remote.url, below] = time.monotonic(), there
    return _answers[remote.url, below][1]


def _fresh(remote: Remote, name: str) -> bool:
    at, _ = _answers.get((remote.url, name), (float("-inf"), ()))
    return time.monotonic() - at < FRESH_SECONDS


def _name(folder: Path, path: Path) -> str:
    return FOLDER + path.relative_to(folder).as_posix()
