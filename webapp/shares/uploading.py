"""Uploading frozen versions to the store that machines share, and removing what killed uploads have left there.

A version is complete when its list of checksums is there, and shown once the database has it. A note in the store says when
its upload began. Without a store every function does nothing.
"""

import tempfile
import time
from pathlib import Path

from training.storage.archive import CHECKSUMS
from training.storage.remote import Remote
from training.storage.shared_files import BEGUN, LISTED
from webapp import temporary_files
from webapp.artifact_store import artifact_store
from webapp.shares.models import Version


def upload(folder: Path, content: str) -> None:
    """Upload the sealed version ``content`` in ``folder``. Raises StoreUnreachable."""
    shared = artifact_store().shared
    if shared is None:
        return
    with tempfile.NamedTemporaryFile("w", dir=temporary_files.folder()) as note:
        note.write(str(time.time()))
        note.flush()
        shared.remote.upload(Path(note.name), BEGUN + content)
    shared.publish_listed(folder, content, CHECKSUMS)


def sweep(seconds: float) -> None:
    """Remove versions that the database does not have ``seconds`` after their upload began. Raises StoreUnreachable."""
    shared = artifact_store().shared
    if shared is None:
        return
    for note in list(shared.remote.names(BEGUN)):
        content = note.removeprefix(BEGUN)
        if not Version.objects.filter(content=content).exists():
            if time.time() - _begun(shared.remote, note) < seconds:
                continue
            names = list(shared.remote.names(f"{LISTED}/{content}/"))
            for name in sorted(names, key=lambda name: not name.endswith(f"/{content}/{CHECKSUMS}")):
                shared.remote.remove(name)
        shared.remote.remove(note)


def _begun(remote: Remote, note: str) -> float:
    """Return when the upload of a note began; 0 for a note that is gone or damaged."""
    try:
        return float(remote.read(note))
    except (FileNotFoundError, ValueError):
        return 0.0
