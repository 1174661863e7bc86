"""The checks of a data set: balance, lengths, near copies across groups, trivial baselines, and the warnings that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from training.answers import AnswerRule
from training.catalog.check_report import Baseline, Counts, Lengths, Neighbours, Report, Sample
from training.engine.data import near_copies, text_checks
from training.engine.data.answer_checks import ANSWERS, answer_report, answer_warnings
from training.engine.data.baselines import SAMPLE, Texts, baselines
from training.engine.data.rules import LARGEST_CLASS, OnProgress
from training.names import FEATURES
from training.words import length

EDGES = (0, 5, 10, 20, 50, 100, 200, 500, 1000)
BATCH = 4_096
COMPARED = 1_000_000
"""Rows among which near copies are sought; more are sampled by seed."""
TEMPLATE_SAMPLE = 2_000
SEED = 5
SHOWN, LONGEST = 6, 400
HEAD, TAIL = 3_000, 1_000
"""Characters at both ends of a long text that the baselines read."""

EASY = 0.9
"""Accuracy of a bag of words above which there is a warning; length and form warn above the largest possible class share."""
NEAR_SHARE = 0.01
CONFLICT_SHARE = 0.01
COPY_SHARE = 0.1
LARGEST_GROUP = 0.1
FEW_ROWS = 1_000


@dataclass(frozen=True)
class Columns:
    """One pass through a data set: values of every row, and the texts and sketches of samples.

    ``words`` (texts, rows) are lengths. ``texts`` are those of the rows ``sampled``, for the baselines; ``sketch`` has a row for
    each of the rows ``compared``. A generative data set has lengths of prompts and answers, and label 0 everywhere.
    """

    label: npt.NDArray[np.int8]
    group: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]
    sampled: npt.NDArray[np.int64]
    texts: list[Texts]
    compared: npt.NDArray[np.int64]
    sketch: npt.NDArray[np.uint64]


def check(path: Path, counts: Counts, on_progress: OnProgress = lambda *_: None, rule: AnswerRule | None = None) -> Report:
    """Return the report on the data set in ``path`` with its ``counts``; a generative one needs its ``rule``."""
    with pq.ParquetFile(path) as file:
        columns = _read(file, on_progress)
        near, samples = _neighbours(file, columns), _samples(file, columns.label)
        pairs = len(columns_of(file)) == 2
        answers = answer_report(file, rule) if rule else None
    label = columns.label[columns.sampled]
    on_progress("baselines", 0, 1)
    results = () if answers else baselines(columns.texts, label, columns.group[columns.sampled])
    on_progress("baselines", 1, 1)
    sizes = np.unique(columns.group, return_counts=True)[1]
    report = Report(
        texts=2 if pairs else 1,
        counts=counts,
        classes=() if answers else tuple(np.bincount(columns.label, minlength=2).tolist()),
        answers=answers,
        groups=len(sizes),
        largest_group=int(sizes.max()),
        lengths=lengths(columns.words, columns.label),
        neighbours=near,
        baselines=results,
        sampled=len(columns.sampled),
        samples=samples,
        warnings=(),
    )
    further = answer_warnings(answers, counts.kept) if answers else text_checks.warnings(columns.texts, label)
    return report.model_copy(update={"warnings": (*warnings(report), *further)})


def _read(file: pq.ParquetFile, on_progress: OnProgress) -> Columns:
    total, names, written = file.metadata.num_rows, columns_of(file), ANSWERS in file.schema_arrow.names
    sampled, compared = (drawn(total, most) for most in (SAMPLE, COMPARED))
    common = near_copies.common_grams([joined(example) for example in _texts(file, drawn(total, TEMPLATE_SAMPLE))])
    label, group = (np.zeros(total, kind) for kind in (np.int8, np.int64))
    words = np.empty((len(names) + written, total), np.int64)
    sketch = np.empty((len(compared), near_copies.SKETCH), np.uint64)
    texts: list[Texts] = []
    groups: dict[str, int] = {}
    done = 0
    for batch in file.iter_batches(BATCH, columns=[*names, ANSWERS if written else "label", "group"]):
        rows = slice(done, done + len(batch))
        batch_texts = list(zip(*(batch[name].to_pylist() for name in names), strict=True))
        measured = batch_texts
        if written:
            measured = [(*example, answers[0]) for example, answers in zip(batch_texts, batch[ANSWERS].to_pylist(), strict=True)]
        else:
            label[rows] = batch["label"].to_numpy()
        group[rows] = [
            value if isinstance(value, int) else groups.setdefault(value, len(groups)) for value in batch["group"].to_pylist()
        ]
        words[:, rows] = np.array([[length(text) for text in example] for example in measured]).T
        texts += [tuple(map(clipped, batch_texts[index - done])) for index in _within(sampled, rows)]
        in_batch = _within(compared, rows)
        first = int(np.searchsorted(compared, done))
        sketch[first : first + len(in_batch)] = near_copies.sketches(
            [joined(batch_texts[index - done]) for index in in_batch], common
        )
        done += len(batch)
        on_progress("checks", done, total)
    return Columns(label, group, words, sampled, texts, compared, sketch)


def _neighbours(file: pq.ParquetFile, columns: Columns) -> Neighbours:
    """Return the near copies across groups, the first of them with their texts."""
    compared = columns.compared
    pairs = near_copies.near_pairs(columns.sketch, columns.group[compared])
    shown = [(compared[left], compared[right]) for left, right in zip(pairs.first[:SHOWN], pairs.second[:SHOWN], strict=True)]
    texts = map(joined, _in_order(file, [row for pair in shown for row in pair]))
    examples = tuple((text[:LONGEST], next(texts)[:LONGEST]) for text in texts)
    return Neighbours(compared=len(compared), near=pairs.rows, examples=examples)


def _samples(file: pq.ParquetFile, label: npt.NDArray[np.int8]) -> tuple[Sample, ...]:
    rows = drawn(len(label), SHOWN)
    if ANSWERS in file.schema_arrow.names:
        answers = (tuple(answers) for (answers,) in _texts(file, rows, [ANSWERS]))
        return tuple(
            Sample(texts=(text[:LONGEST],), answers=tuple(answer[:LONGEST] for answer in accepted))
            for (text,), accepted in zip(_texts(file, rows), answers, strict=True)
        )
    return tuple(
        Sample(texts=tuple(text[:LONGEST] for text in example), label=int(label[row]))
        for row, example in zip(rows, _texts(file, rows), strict=True)
    )


def columns_of(file: pq.ParquetFile) -> list[str]:
    """Return the columns of the texts of an example: one, or two of which one is preferred."""
    return [column for column in ("text", "text_b") if column in file.schema_arrow.names]


def joined(texts: Texts) -> str:
    return "\n".join(texts)


def drawn(total: int, most: int) -> npt.NDArray[np.int64]:
    """Return row numbers, ascending: all of them, or ``most`` drawn by seed."""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng([SEED, most]).choice(total, most, replace=False))


def clipped(text: str) -> str:
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


def _within(rows: npt.NDArray[np.int64], part: slice) -> npt.NDArray[np.int64]:
    return rows[np.searchsorted(rows, part.start) : np.searchsorted(rows, part.stop)]


def _texts(file: pq.ParquetFile, rows: npt.NDArray[np.int64], columns: list[str] | None = None) -> list[Texts]:
    """Return the texts of these ascending rows, or the values of other ``columns``."""
    texts: list[Texts] = []
    start, columns = 0, columns or columns_of(file)
    for index in range(file.metadata.num_row_groups):
        end = start + file.metadata.row_group(index).num_rows
        selected = _within(rows, slice(start, end))
        if len(selected):
            table = file.read_row_group(index, columns=columns).take(selected - start)
            texts += zip(*(table[column].to_pylist() for column in columns), strict=True)
        start = end
    return texts


def _in_order(file: pq.ParquetFile, rows: Sequence[int]) -> list[Texts]:
    """Return the texts of these rows in their order."""
    ascending = np.unique(np.array(rows, np.int64))
    by_row = dict(zip(ascending.tolist(), _texts(file, ascending), strict=True))
    return [by_row[row] for row in rows]


def lengths(words: npt.NDArray[np.int64], label: npt.NDArray[np.int8]) -> Lengths:
    """Return the lengths: ``words`` (1, n) by class, or (2, n) of rejected and preferred texts, or of prompts and answers."""
    label = np.concatenate([label, 1 - label][: len(words)])
    words = words.ravel()
    bins = np.searchsorted(EDGES, words, side="right") - 1
    sides = range(int(label.max()) + 1)
    return Lengths(
        edges=EDGES,
        counts=tuple(tuple(np.bincount(bins[label == side], minlength=len(EDGES)).tolist()) for side in sides),
        median=tuple(float(np.median(words[label == side])) for side in sides),
    )


def warnings(report: Report) -> tuple[str, ...]:
    """Return a sentence for each measure beyond the thresholds above."""
    of_texts = () if report.images else report.baselines
    sentences = [sentence for baseline in of_texts if (sentence := _shortcut(baseline, len(report.classes)))]
    what = "images" if report.images else "texts"
    near, counts, rows = report.neighbours, report.counts, report.counts.kept
    if near.share >= NEAR_SHARE:
        other = "an image" if report.images else "a text"
        same = "rows ({}) have the features of a row" if report.arrays else f"{what} ({{}}) are nearly the same as {other}"
        sentences.append(
            f"{near.near:,} of {near.compared:,} {same.format(f'{near.share:.1%}')} of another group: "
            "a model may be tested on what it has been trained on. A better group column would keep them together."
        )
    if counts.conflicts >= CONFLICT_SHARE * counts.examples:
        share = f"{counts.conflicts / counts.examples:.1%}"
        noisy = "answers" if report.answers else "labels"
        sentences.append(
            f"{counts.conflicts:,} examples ({share}) had {what} with several {noisy} and were left out: {noisy} are noisy."
        )
    if counts.copies >= COPY_SHARE * counts.examples:
        sentences.append(f"{counts.copies:,} examples ({counts.copies / counts.examples:.1%}) were copies and were left out.")
    if report.texts == 2 and counts.skipped >= COPY_SHARE * counts.read > 0:
        sentences.append(f"{counts.skipped:,} of {counts.read:,} rows have two equal texts and were left out.")
    if report.largest_group >= LARGEST_GROUP * rows and rows >= FEW_ROWS:
        share = f"{report.largest_group / rows:.0%}"
        sentences.append(f"The largest of {report.groups:,} groups has {share} of the rows: splits hang much on where it falls.")
    if rows < FEW_ROWS:
        sentences.append(f"There are only {rows:,} rows: expect wide intervals.")
    return tuple(sentences)


def _shortcut(baseline: Baseline, classes: int) -> str:
    if baseline.name.startswith(FEATURES):
        return ""  # what is expected of features
    score = f"is right on {baseline.accuracy:.0%} of {baseline.n:,} texts of groups that it has not seen"
    if baseline.name == "words":
        return f"A bag of words {score}: there is little left for a stronger model to recover." if baseline.low > EASY else ""
    if baseline.low <= max(LARGEST_CLASS / classes, baseline.majority):
        return ""
    what = {
        "length": "the length of a text",
        "form": "the form of a text (its first and last characters, capitals, digits, brackets)",
    }[baseline.name]
    return f"A classifier that sees only {what} {score}: the label can be told without understanding."
