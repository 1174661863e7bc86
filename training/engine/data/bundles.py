"""The making of a feature bundle from an uploaded file: arrays, rows, checks, and the file of the data set."""

from pathlib import Path

from training.catalog.check_report import Counts
from training.catalog.column_mapping import Features
from training.catalog.dataset_card import CHECKED_FILE
from training.command_output import CheckResult
from training.engine.data import bundle_arrays
from training.engine.data.bundle_checks import check_bundle
from training.engine.data.bundle_file import write_bundle
from training.engine.data.bundle_rows import read_rows
from training.engine.data.bundle_sources import open_source
from training.engine.data.rules import OnProgress
from training.storage.checksums import digest


def make_bundle(path: Path, mapping: Features, folder: Path, on_progress: OnProgress) -> CheckResult:
    """Read and check the features in ``path`` and write the data set to ``folder``. Raises CorruptData with a sentence."""
    folder.mkdir(parents=True, exist_ok=True)
    source = open_source(path)
    total = bundle_arrays.check_shapes(source, mapping.arrays)
    copies = [folder / f"{name}.npy" for name in mapping.arrays]
    try:
        arrays = [bundle_arrays.keep(source, name, folder, on_progress) for name in mapping.arrays]
        on_progress("checks", 0, 2)
        equal = bundle_arrays.hashes([array.values for array in arrays])
        labelled = read_rows(source, mapping, equal)
        left = len(labelled.keep)
        on_progress("checks", 1, 2)
        counts = Counts(
            read=total,
            skipped=total - left,
            examples=left,
            copies=0,
            conflicts=0,
            unequal=0,
            unbalanced=0,
            kept=left,
        )
        report = check_bundle(labelled, arrays, equal[labelled.keep], counts)
        target = folder / CHECKED_FILE
        write_bundle(target, labelled.rows, [(array.about.name, array.values) for array in arrays], labelled.keep)
        on_progress("checks", 2, 2)
        return CheckResult(fingerprint=digest(target), report=report, classes=labelled.classes)
    finally:
        for copy in copies:
            copy.unlink(missing_ok=True)
