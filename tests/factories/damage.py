"""Damage to files of the store of artifacts, wherever that is."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from training.storage.checksums import sidecar
from webapp.artifact_store import artifact_store


def damaged(path: Path, change: Callable[[Path], object]) -> None:
    """Apply ``change`` to the file at ``path`` of the store; where machines share it, to the store's own, with no copy here."""
    shared = artifact_store().shared
    change(path)
    if shared is None:
        return
    for file in (sidecar(path), path):
        name = file.relative_to(settings.ARTIFACTS_DIR).as_posix()
        if file.exists():
            shared.remote.upload(file, name)
            file.unlink()
        else:
            shared.remote.remove(name)
