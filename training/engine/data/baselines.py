"""Trivial classifiers, trained on some groups and scored on others: the accuracy of length, form and words alone."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training.catalog.check_report import Baseline
from training.words import length
from training.words import words as words_of

SAMPLE = 20_000
TEST_SHARE = 0.4
FEWEST = 40
"""Rows to train on, and rows to score, below which there are no baselines."""
SEED = 8

TITLES = {"length": "length alone", "form": "form alone", "words": "bag of words", "colours": "mean colour and contrast"}

Texts = tuple[str, ...]
"""The texts of an example: one, or two of which one is preferred. A classifier of pairs reads the difference of features."""

Labels = npt.NDArray[np.integer]
Matrix = npt.NDArray[np.float64]


Fit = Callable[[Sequence[Any], Labels, npt.NDArray[np.bool_]], Labels]
"""A function from examples, their labels and the mask of those that are scored to the labels that it gives these."""


def baselines(
    examples: Sequence[Any], label: Labels, group: npt.NDArray[np.int64], fits: Mapping[str, Fit] | None = None
) -> tuple[Baseline, ...]:
    """Return the baselines of ``fits``, those of texts unless others are given.

    There are none where there are too few rows, groups or classes on either side.
    """
    # Takes half a second to import, which commands without checks need not pay.
    from scipy.stats import binomtest

    groups = np.random.default_rng(SEED).permutation(np.unique(group))
    held = np.isin(group, groups[: round(TEST_SHARE * len(groups))])
    sides = [label[~held], label[held]]
    if any(len(side) < FEWEST or len(np.unique(side)) < 2 for side in sides):
        return ()
    results = []
    for name, fit in (fits or FITS).items():
        right = int((fit(examples, label, held) == sides[1]).sum())
        n = len(sides[1])
        interval = binomtest(right, n).proportion_ci(method="wilson")
        majority = float(np.bincount(sides[1]).max() / n)
        results.append(
            Baseline(
                name=name,
                title=TITLES[name],
                accuracy=right / n,
                low=float(interval.low),
                high=float(interval.high),
                n=n,
                majority=majority,
            )
        )
    return tuple(results)


def _length(texts: Sequence[Texts], label: Labels, held: npt.NDArray[np.bool_]) -> Labels:
    return trees(_compared(texts, lambda text: [len(text), length(text)]), label, held)


def _form(texts: Sequence[Texts], label: Labels, held: npt.NDArray[np.bool_]) -> Labels:
    return trees(_compared(texts, form), label, held)


def _compared(texts: Sequence[Texts], features: Callable[[str], list[float]]) -> Matrix:
    """Return the features (examples, features) of the single text, or of the first text minus those of the second."""
    sides = [np.array([features(text) for text in side], np.float64) for side in zip(*texts, strict=True)]
    return sides[0] if len(sides) == 1 else sides[0] - sides[1]


def form(text: str) -> list[float]:
    """Return features of the form of a text and of its last line, where answers stand; they do not contain its length."""
    return [*_form_features(text), *_form_features(text.rpartition("\n")[2].rpartition(": ")[2]), text.count("\n") > 0]


BRACKETS, QUOTES = re.compile(r"[()\[\]{}<>]"), re.compile(r"[\"“”'‘’`]")


def _form_features(text: str) -> list[float]:
    stripped, n = text.strip(), max(1, len(text))
    first, last = (stripped[0], stripped[-1]) if stripped else (" ", " ")
    final = stripped.rpartition(" ")[2].strip("().:")
    return [
        *_kind(first),
        *_kind(last),
        # Rounded, since the share of a single capital would reveal the number of letters.
        round(sum(map(str.isupper, text)) / n, 1),
        round(sum(map(str.isdigit, text)) / n, 1),
        round(sum(not (character.isalnum() or character.isspace()) for character in text) / n, 1),
        bool(BRACKETS.search(text)),
        bool(QUOTES.search(text)),
        len(final) == 1,
        "://" in text,
    ]


def _kind(character: str) -> list[float]:
    return [character.isupper(), character.islower(), character.isdigit(), character in ".!?", min(ord(character), 1024)]


def trees(features: Matrix, label: Labels, held: npt.NDArray[np.bool_]) -> Labels:
    """Return labels of the rows ``held`` by boosted trees trained on the ``features`` (examples, numbers) of the others."""
    # Takes a second to import, which commands without checks need not pay.
    from sklearn.ensemble import HistGradientBoostingClassifier

    model: Any = HistGradientBoostingClassifier(max_iter=60, max_depth=4, early_stopping=False, random_state=SEED)
    predicted: Labels = model.fit(features[~held], label[~held]).predict(features[held])
    return predicted


def _words(texts: Sequence[Texts], label: Labels, held: npt.NDArray[np.bool_]) -> Labels:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words: Any = TfidfVectorizer(analyzer=words_of, max_features=50_000, sublinear_tf=True)
    model: Any = LogisticRegression(max_iter=300, C=4.0)
    words.fit([text for example, out in zip(texts, held, strict=True) if not out for text in example])
    first, *second = (words.transform(side) for side in zip(*texts, strict=True))
    features = first - second[0] if second else first
    predicted: Labels = model.fit(features[~held], label[~held]).predict(features[held])
    return predicted


FITS: dict[str, Fit] = {"length": _length, "form": _form, "words": _words}
