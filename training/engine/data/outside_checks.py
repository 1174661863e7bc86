"""Checks of labels from outside against their data set and its split, and their way into the library."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training import catalog
from training.catalog import DatasetEntry, outside
from training.catalog.outside import About, OutsideCard, Role
from training.engine.data.examples import Examples, load_examples
from training.engine.data.outside_files import missing_ids, read_labels
from training.engine.data.split import Split, split_for
from training.engine.errors import CorruptData
from training.spec import RunSpec
from training.storage.outside_labels import OutsideLabels
from training.storage.probabilities import labels_of

MOST_FILES = 50
FEWEST_TRUE = 64
"""Labels from which equality with the truth is reported: with fewer the answer would tell the truth of single examples."""
FAR = 0.2
"""Difference of a class's share among the labels from that in the data set, above which there is a warning."""

Ids = npt.NDArray[np.int64]


def add(
    files: Sequence[Path], name: str, about: About, role: Role, runs: Sequence[RunSpec] = (), keep: bool = True
) -> OutsideCard:
    """Check the files with labels for the data set ``name`` and return their card; with ``keep`` both are stored.

    The description of equal labels of the same name stays what it was. File i is for seed i, and a single file for all seeds.
    ``runs`` are runs that would read them, whose rows they must have.
    Raises CorruptData with all problems, or ValueError for an unknown data set.
    """
    data = catalog.dataset(name)
    if data.answers is not None:
        raise CorruptData(f"The answers of {data.title} are written, and a file from outside gives classes: there are none.")
    if not 1 <= len(files) <= MOST_FILES:
        raise CorruptData(
            f"There are {len(files)} files: one for all seeds is needed, or one for each seed, at most {MOST_FILES}."
        )
    examples = load_examples(data.name, data.digest)
    labels = _read(files, data, examples, role)
    for run in runs:
        check_coverage(labels, run, examples)
    card = _card(labels, data, examples, about, role)
    if known := outside.card_of(card.model):
        if known.role != role:
            raise CorruptData(f"The labels of a {known.role} have this name and content already: choose another name.")
        card = known
    if keep:
        target = outside.file_of(card.digest)
        if not (target.exists() and OutsideLabels.read(target).digest(data.digest) == card.digest):
            labels.write(target)
        outside.put(card)
    return card


def _read(files: Sequence[Path], data: DatasetEntry, examples: Examples, role: Role) -> OutsideLabels:
    by_seed = {}
    for seed, path in enumerate(files):
        ids, prob, problems = read_labels(path, data, examples.id)
        where = f"File {seed + 1}: " if len(files) > 1 else ""
        if problems:
            raise CorruptData(where + " ".join(problems))
        if not len(ids):
            raise CorruptData(f"{where}There is no label.")
        gold = examples.label[_rows(examples, ids)]
        if role == "supervisor" and len(ids) >= FEWEST_TRUE and (labels_of(prob) == gold).all():
            raise CorruptData(
                f"{where}All {len(ids):,} labels equal the truth: they are the true labels, or made from them, and no supervisor."
            )
        by_seed[seed] = ids, prob
    return OutsideLabels.of(by_seed)


def _rows(examples: Examples, ids: Ids) -> Ids:
    order = np.argsort(examples.id, kind="stable")
    rows: Ids = order[np.searchsorted(examples.id, ids, sorter=order)]
    return rows


def _card(labels: OutsideLabels, data: DatasetEntry, examples: Examples, about: About, role: Role) -> OutsideCard:
    classes = examples.classes
    given = np.bincount(labels_of(labels.prob), minlength=classes) / len(labels.id)
    true = np.bincount(examples.label, minlength=classes) / len(examples)
    sizes = np.bincount(labels.seed)
    missing = len(examples) - int(sizes.min())
    warnings = [*_of_balance(given, true, data.classes)]
    if missing:
        lacking = np.setdiff1d(examples.id, labels.for_seed(int(sizes.argmin()))[0])
        words = missing_ids(lacking, f" of {len(examples):,}")[0]
        warnings.append(f"{words} An experiment whose half B or test set has one is refused.")
    return OutsideCard(
        name=about.name,
        role=role,
        digest=labels.digest(data.digest),
        dataset=data.name,
        fingerprint=data.digest,
        rows=len(labels.id),
        files=len(sizes),
        hard=bool(np.isin(labels.prob, (0, 1)).all()),
        missing=missing,
        shares=tuple(np.round(given, 6).tolist()),
        warnings=tuple(warnings),
        source=about.source,
        licence=about.licence or "not stated",
        author=about.author,
        text=about.text,
        made=datetime.now(UTC),
    )


def _of_balance(given: npt.NDArray[np.float64], true: npt.NDArray[np.float64], meanings: Sequence[str]) -> Iterable[str]:
    """Yield a sentence for each class that the labels never give, or give far more or less often than it occurs."""
    for name, share, of_truth in zip(meanings, given.tolist(), true.tolist(), strict=True):
        if share == 0:
            yield f"No label says “{name}”."
        elif abs(share - of_truth) > FAR:
            yield f"“{name}” is {100 * share:.0f}% of the labels and {100 * of_truth:.0f}% of the data set."


def needed(run: RunSpec, split: Split) -> dict[str, Ids]:
    """Return the rows that a run with labels from outside must have, by the words for their part."""
    rows = {"the test set": split.test}
    return rows if run.half == "B" else {f"half B of seed {run.seed}": split.b.rows} | rows


def check_coverage(labels: OutsideLabels, run: RunSpec, examples: Examples) -> None:
    """Raise CorruptData, which names ids, where ``labels`` lack rows that ``run`` needs."""
    try:
        ids, _ = labels.for_seed(run.seed)
    except LookupError as error:
        raise CorruptData(str(error.args[0])) from None
    split = split_for(run, examples.group, examples.part)
    lacking = {part: np.setdiff1d(examples.id[rows], ids) for part, rows in needed(run, split).items()}
    if sentences := [sentence for part, missing in lacking.items() for sentence in missing_ids(missing, f" in {part}")]:
        raise CorruptData(" ".join(sentences))
