"""Differences in accuracy between students of different experiments, and between single runs, by the tests of a result.

Students are paired by seed and test example, and only where they learned from the same supervisors: the runs of their supervisors
are equal, seed by seed, and with them the data, the split and the weak labels. Elsewhere there is no difference, but a reason.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training import Store
from training.metrics.agreement import Accuracy, accuracy
from training.metrics.held_out import Tested, same_examples, test_of
from training.metrics.intervals import Estimate, combination, measure
from training.metrics.results import Contrast, Outcome, contrast_of
from training.metrics.significance import Discordant, mcnemar
from training.storage.checksums import DamagedArtifact
from webapp.artifact_store import artifact_store
from webapp.charts.bounded_cache import BoundedCache

CONTRASTS: BoundedCache[str] = BoundedCache(2**22)
"""Contrasts as JSON by the keys of their runs, which decide them: reading predictions takes milliseconds for each run."""


DAMAGED = (OSError, ValueError, DamagedArtifact)
"""Errors of reading the files of a run, besides FileNotFoundError."""


@dataclass(frozen=True)
class Reason:
    """Why there is no difference, in a word or two and in a sentence."""

    word: str
    text: str


SAME = Reason("same runs", "The students are the same runs as the baseline’s.")
OTHER_SUPERVISORS = Reason(
    "not paired", "Its students and those of the baseline have no seed with the same supervisor, so that nothing is paired."
)
OTHER_EXAMPLES = Reason("other test set", "It was tested on other examples than the baseline.")
UNREADABLE = Reason("unreadable", "The predictions of its runs or of the baseline’s cannot be read.")


class Reader:
    """Predictions of runs on the test set, each read once."""

    def __init__(self) -> None:
        self._read: dict[str, Tested | None] = {}

    @cached_property
    def store(self) -> Store:
        return artifact_store()

    def __call__(self, key: str) -> Tested | None:
        """Return the predictions of a run, None where it has left none. Raises one of ``DAMAGED``."""
        if key not in self._read:
            try:
                self._read[key] = test_of(self.store.read_outputs(key), key, "test")
            except FileNotFoundError:
                self._read[key] = None
        return self._read[key]

    def rows(self, key: str) -> int | None:
        """Return the number of a run's test examples, None where they cannot be read."""
        try:
            test = self(key)
        except DAMAGED:
            return None
        return None if test is None else len(test.id)


def contrast(base: Sequence[Outcome], other: Sequence[Outcome], read: Reader) -> Contrast | Reason:
    """Return the difference of the students ``other`` from the students ``base``; ``p_holm`` is not adjusted yet."""
    by_seed = {(outcome.seed, outcome.weak_run): outcome for outcome in base if outcome.student is not None}
    pairs = [
        (first, second)
        for second in other
        if second.student is not None and (first := by_seed.get((second.seed, second.weak_run)))
    ]
    if not pairs:
        return OTHER_SUPERVISORS
    if all(first.student_run == second.student_run for first, second in pairs):
        return SAME
    names = [outcome.student_run for pair in pairs for outcome in pair]
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()
    if (text := CONTRASTS.get(key)) is not None:
        return Contrast.model_validate_json(text)
    # The PGR has a column of its own: without its runs the contrast is of accuracies alone.
    bases, others = ([outcome.model_copy(update={"weak": None}) for outcome in side] for side in zip(*pairs, strict=True))
    try:
        tests = [read(name) for name in names]
        if any(test is None for test in tests):
            return UNREADABLE
        if any(not same_examples(test, tests[0]) for test in tests if test and tests[0]):
            return OTHER_EXAMPLES
        made = contrast_of(bases, others, read)
    except DAMAGED:
        return UNREADABLE
    assert made is not None
    CONTRASTS.put(key, made.model_dump_json())
    return made


def accuracy_of(key: str, read: Reader) -> Accuracy | None:
    """Return a run's test accuracy with its interval over test examples; None where its predictions cannot be read."""
    try:
        test = read(key)
    except DAMAGED:
        return None
    if test is None:
        return None
    right = test.right[None, None, :]
    return accuracy(measure(right, test.group), right, 0)


def run_difference(base: str, other: str, seed: int, read: Reader) -> tuple[Estimate, Discordant] | Reason:
    """Return the difference in accuracy of one run from another over the same test examples, and McNemar's exact test."""
    if base == other:
        return SAME
    try:
        first, second = read(base), read(other)
    except DAMAGED:
        return UNREADABLE
    if first is None or second is None:
        return UNREADABLE
    if not same_examples(first, second):
        return OTHER_EXAMPLES
    spread = measure(np.stack([first.right, second.right])[:, None, :], first.group)
    return combination(spread, (-1, 1)), mcnemar(seed, first.right, second.right)
