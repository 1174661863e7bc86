"""The checks of a feature bundle: balance, equal rows, a trivial classifier on each array, and the warnings that follow."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.catalog.check_report import Baseline, Counts, FeatureArray, Lengths, Neighbours, Report, Sample
from training.engine.data.baselines import FEWEST as FEWEST_TESTED
from training.engine.data.baselines import SAMPLE, SEED, TEST_SHARE
from training.engine.data.bundle_arrays import Floats, Measured
from training.engine.data.bundle_rows import Labelled
from training.engine.data.checks import SHOWN, drawn, warnings

IMBALANCE = 10
"""Rows of the largest class for one of the smallest above which there is a warning."""
FEW_OF_CLASS = 20
SCALES = (1e-3, 1e2)
"""Mean absolute values of features between which there is no warning."""
NO_LENGTHS = Lengths(edges=(), counts=(), median=())


def check_bundle(labelled: Labelled, arrays: Sequence[Measured], equal: npt.NDArray[np.int64], counts: Counts) -> Report:
    """Return the report on the bundle; ``equal`` (n,) are hashes of the features of the rows that are kept."""
    rows = labelled.rows
    label = rows.label.astype(np.int64)
    sizes = np.unique(rows.group, return_counts=True)[1]
    sampled = drawn(len(label), SAMPLE)
    shown = drawn(len(label), SHOWN)
    report = Report(
        counts=counts,
        classes=tuple(np.bincount(label, minlength=len(labelled.classes)).tolist()),
        arrays=tuple(array.about for array in arrays),
        parts={} if rows.part is None else {part: rows.part.count(part) for part in dict.fromkeys(rows.part)},
        groups=len(sizes),
        largest_group=int(sizes.max()),
        lengths=NO_LENGTHS,
        neighbours=_equal_rows(equal, rows.group),
        baselines=tuple(
            baseline
            for array in arrays
            if (baseline := nearest_mean(array, labelled.keep[sampled], label[sampled], rows.group[sampled]))
        ),
        sampled=len(sampled),
        samples=tuple(Sample(texts=(rows.text[row],), label=int(label[row])) for row in shown),
        warnings=(),
    )
    return report.model_copy(update={"warnings": (*_warnings(report), *_of_labels(equal, label), *warnings(report))})


def _equal_rows(equal: npt.NDArray[np.int64], group: npt.NDArray[np.int64]) -> Neighbours:
    """Return the rows whose features are equal to those of a row of another group."""
    pairs = np.unique(np.stack([equal, group]), axis=1)
    several, counts = np.unique(pairs[0], return_counts=True)
    return Neighbours(compared=len(equal), near=int(np.isin(equal, several[counts > 1]).sum()))


def nearest_mean(
    array: Measured, place: npt.NDArray[np.int64], label: npt.NDArray[np.int64], group: npt.NDArray[np.int64]
) -> Baseline | None:
    """Return the accuracy of the class whose mean is nearest, trained on some groups and scored on others.

    ``place`` (n,) are positions in the array, ascending. None where there are too few rows on either side.
    """
    from scipy.stats import binomtest

    groups = np.random.default_rng(SEED).permutation(np.unique(group))
    held = np.isin(group, groups[: round(TEST_SHARE * len(groups))])
    if min(held.sum(), (~held).sum()) < FEWEST_TESTED or len(np.unique(label[~held])) < 2:
        return None
    known, means = class_means(array.values, place[~held], label[~held])
    predicted = known[_nearest(array.values, place[held], means)]
    n, right = int(held.sum()), int((predicted == label[held]).sum())
    interval = binomtest(right, n).proportion_ci(method="wilson")
    return Baseline(
        name=f"features:{array.about.name}",
        title=f"nearest class mean of {array.about.name}",
        accuracy=right / n,
        low=float(interval.low),
        high=float(interval.high),
        n=n,
        majority=float(np.bincount(label[held]).max() / n),
    )


def class_means(
    values: Floats, place: npt.NDArray[np.int64], label: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the classes with rows, ascending, and the mean features (classes, width) of each."""
    known, counts = np.unique(label, return_counts=True)
    total = np.zeros((len(known), values.shape[1]))
    for start in range(0, len(place), 2_048):
        block = slice(start, start + 2_048)
        np.add.at(total, np.searchsorted(known, label[block]), values[place[block]].astype(np.float64))
    return known, (total / counts[:, None]).astype(np.float32)


def _nearest(values: Floats, place: npt.NDArray[np.int64], means: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    half = (means**2).sum(axis=1) / 2
    blocks = np.array_split(place, range(2_048, len(place), 2_048))
    return np.concatenate([(values[block].astype(np.float32) @ means.T - half).argmax(axis=1) for block in blocks])


def _warnings(report: Report) -> list[str]:
    least, most, classes = min(report.classes), max(report.classes), len(report.classes)
    sentences = []
    if most >= IMBALANCE * least:
        sentences.append(
            f"The largest of {classes:,} classes has {most:,} rows and the smallest {least:,}: an accuracy counts the large ones "
            "most, and classes are not balanced."
        )
    few = sum(size < FEW_OF_CLASS for size in report.classes)
    if few:
        sentences.append(f"{few:,} of {classes:,} classes have fewer than {FEW_OF_CLASS} rows: a half has only a few of each.")
    for array in report.arrays:
        if array.constant:
            sentences.append(f"{array.constant:,} of {array.width:,} features of {array.name} are constant: they tell nothing.")
        sentences += _of_scale(array)
    return sentences


def _of_scale(array: FeatureArray) -> list[str]:
    if SCALES[0] < array.mean < SCALES[1]:
        return []
    return [
        f"The features of {array.name} are {array.mean:.1g} in the mean: standardise them, or choose a learning rate by hand."
    ]


def _of_labels(equal: npt.NDArray[np.int64], label: npt.NDArray[np.int64]) -> list[str]:
    pairs = np.unique(np.stack([equal, label]), axis=1)
    several, counts = np.unique(pairs[0], return_counts=True)
    conflicting = int(np.isin(equal, several[counts > 1]).sum())
    if conflicting < 0.01 * len(equal):
        return []
    share = f"{conflicting / len(equal):.1%}"
    return [f"{conflicting:,} rows ({share}) have the features of a row of another class: labels are noisy."]
