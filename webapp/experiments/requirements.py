"""Unmet requirements: why a worker, or all of them, cannot take a run. An empty string means that nothing is missing."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings

from training import RunSpec, catalog
from training.catalog.bundles import array_of
from training.planning.estimates import rows_of
from webapp.experiments.models import Worker

GIB = 2**30
FLOAT = 4
TRANSFORMERS, LORA = "transformers", "peft"
PACKAGES = tuple(dict.fromkeys([TRANSFORMERS, LORA, *(name for entry in catalog.MODELS.values() for name in entry.packages)]))
"""Packages that some runs need besides torch."""


def of_worker(run: RunSpec, worker: Worker) -> str:
    """Return the requirement that ``worker`` does not meet, such as: a worker with 24 GiB."""
    if run.engine != worker.engine:
        return f"a worker with version {run.engine} of the engine"
    for package in packages_of(run):
        if worker.packages and package not in worker.packages:
            return f"a worker with the package {package}"
    need, largest = weights_of(run), worker.memory
    if largest is not None and need > largest:
        return f"a worker with {_gib(need)} of memory on a device"
    return ""


def of_all(run: RunSpec, online: Iterable[Worker]) -> str:
    """Return a sentence where no worker that is online can take the run."""
    workers = list(online)
    if none := of_any(workers):
        return none
    unmet = [of_worker(run, worker) for worker in workers if not worker.draining]
    return f"It needs {' and '.join(dict.fromkeys(unmet))}, and none is online." if all(unmet) else ""


def of_any(online: Sequence[Worker]) -> str:
    """Return a sentence where no worker takes any run."""
    if not online:
        return "No worker is online."
    return "Every worker is being drained and takes nothing more." if all(worker.draining for worker in online) else ""


def packages_of(run: RunSpec) -> list[str]:
    if run.adaptation in ("scratch", "given") or array_of(run.model) is not None:
        return []
    entry = catalog.known_model(run.model)
    adds = [LORA] if run.adaptation == "lora" else []
    return [TRANSFORMERS, *adds, *(entry.packages if entry else ())]


def weights_of(run: RunSpec) -> int:
    """Return a lower bound on the bytes that a run needs on a device, of its weights alone; 0 where the model is not known.

    Full tuning keeps a gradient and AdamW's two moments of each weight.
    """
    entry = catalog.known_model(run.model)
    if entry is None or run.adaptation == "scratch":
        return 0
    return entry.parameters * FLOAT * (4 if run.adaptation == "full" and not run.derives else 1)


# The disk.


def of_disk(run: RunSpec, free: int) -> str:
    """Return a sentence where ``free`` bytes are too few for the files that the run may write."""
    need = written_by(run) + settings.DISK_RESERVE
    if free >= need:
        return ""
    return f"The disk of the artifacts has {_gib(free)} free, and this run needs {_gib(need)}, the reserve included."


def free_bytes() -> int:
    """Return the bytes that may still be written: those free on the disk, or left of the quota."""
    free = free_on_disk()
    return min(free, settings.DISK_QUOTA - used()) if settings.DISK_QUOTA else free


def free_on_disk() -> int:
    folder = Path(settings.ARTIFACTS_DIR)
    existing = next(path for path in (folder, *folder.parents) if path.exists())  # there is no folder before the first run
    return shutil.disk_usage(existing).free


def used() -> int:
    """Return the bytes of all artifacts."""
    return sum(file.lstat().st_size for file in Path(settings.ARTIFACTS_DIR).rglob("*") if not file.is_dir())


def written_by(run: RunSpec) -> int:
    """Return the bytes that the run may need on the disk at one time; an estimate that is rather too high."""
    entry, rows = catalog.known_model_on(run.dataset, run.model), rows_of(run.dataset, run, run.half)
    parameters = entry.parameters if entry and run.adaptation != "scratch" else 0
    total = sum(rows) + rows.train + rows.validation
    data = catalog.known_dataset(run.dataset)
    numbers = len(data.classes) if data and len(data.classes) > 2 else 1
    predictions = total * (64 + numbers * FLOAT) + rows.test * 51 * 2 * FLOAT
    if run.adaptation == "full":
        # Two checkpoints, old and new, with weights and two moments; twice the best weights; and the exported weights.
        return predictions + parameters * FLOAT * (2 * 3 + 2 + 1)
    return predictions + (total * entry.width * FLOAT if entry and parameters else 0)  # the features that probes share


def _gib(size: int) -> str:
    return f"{max(size, 0) / GIB:.1f} GiB"
