"""The files of uploads, wherever they are."""

from pathlib import Path

from training.storage.checksums import SUFFIX
from webapp.artifact_store import artifact_store
from webapp.uploaded_files import UPLOADS


def files_of(folder: Path) -> set[str]:
    """Return the names of the files of an upload, without checksums: those of ``folder``, and of the store if there is one."""
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    shared = artifact_store().shared
    there = shared.remote.names(f"{UPLOADS}/{folder.name}/") if shared else ()
    return here | {name.split("/", 2)[2] for name in there if not name.endswith(SUFFIX)}
