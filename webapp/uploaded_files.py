"""The files of uploads that several processes work on, below DATA_DIR/uploads or in the store that machines share.

With a store they are nowhere but there, each with its checksum, and a process works on copies in its temporary folder. A file
of one request alone stays on its machine.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from training.storage.remote import StoreUnreachable
from training.storage.shared_files import SharedFiles
from webapp import temporary_files
from webapp.artifact_store import artifact_store

UPLOADS = "uploads"
"""The folder of uploads in the store."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkingFolder:
    """The folder ``path`` with files of an upload; with a store those that were fetched or made here."""

    path: Path
    shared: SharedFiles | None

    def fetch(self, name: str) -> None:
        """Have the file here. Raises FileNotFoundError, DamagedArtifact, StoreUnreachable."""
        if self.shared:
            self.shared.fetch(self.path / name)

    def publish(self, name: str) -> None:
        """Give the file, which is complete, to all machines. Raises StoreUnreachable."""
        if self.shared:
            self.shared.add(self.path / name)


@contextmanager
def working(folder: Path) -> Iterator[WorkingFolder]:
    """Yield the folder of an upload: ``folder`` itself, or with a store an empty one that ends with the block."""
    shared = artifact_store().shared
    if shared is None:
        yield WorkingFolder(folder, None)
        return
    with tempfile.TemporaryDirectory(dir=temporary_files.folder()) as place:
        path = Path(place) / UPLOADS / folder.name
        path.mkdir(parents=True)
        yield WorkingFolder(path, SharedFiles(Path(place), shared.remote))


def names() -> set[str]:
    """Return the names of the folders of uploads in the store, none without one. Raises StoreUnreachable."""
    shared = artifact_store().shared
    return set() if shared is None else {name.split("/")[1] for name in shared.remote.names(f"{UPLOADS}/")}


def remove(folder: Path) -> None:
    """Delete the files of an upload. Raises StoreUnreachable."""
    shutil.rmtree(folder, ignore_errors=True)
    if shared := artifact_store().shared:
        for name in list(shared.remote.names(f"{UPLOADS}/{folder.name}/")):
            shared.remote.remove(name)


def clear(folder: Path) -> None:
    """Delete the files of an upload that has ended. While the store is away they are left to the recovery."""
    try:
        remove(folder)
    except StoreUnreachable as error:
        logger.warning("The files of upload %s stay for now. %s", folder.name, error)
