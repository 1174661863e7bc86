"""The numbers of the page of diagnostics, computed again from predictions by other code than the page's."""

from itertools import pairwise
from math import log, sqrt
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student_t
from sklearn.metrics import accuracy_score, brier_score_loss, cohen_kappa_score, log_loss, matthews_corrcoef

CDR, CAR, DOUBT, SEEDS = 0.8, 0.7, 0.65, 3


SEATS = ("weak", "student", "ceiling")


TITLES = ["Weak supervisor", "Student, naive", "Student, confidence loss", "Strong ceiling"]


Columns = dict[str, np.ndarray]
"""The answers of one model and seed: gold labels (n,), and the probabilities (n, K) of the model, f, and its supervisor, w."""


def place(tables: dict[str, list[Columns]], triplet: dict[str, Any], gold: np.ndarray, said: dict[str, np.ndarray]) -> None:
    seats = {TITLES[1 + triplet["method"]]: "student"}
    if triplet["method"] == 0:
        seats |= {TITLES[0]: "weak", TITLES[3]: "ceiling"}
    for title, seat in seats.items():
        tables[title].append({"gold": gold, "f": said[seat], "w": said["weak"]})


def sure(p: np.ndarray) -> np.ndarray:
    most: np.ndarray = p.max(axis=1)
    return most


def hard(p: np.ndarray) -> np.ndarray:
    labels: np.ndarray = p.argmax(axis=1)
    return labels


def indicator(gold: np.ndarray, like: np.ndarray) -> np.ndarray:
    encoded: np.ndarray = (np.arange(like.shape[1]) == gold[:, None]).astype(float)
    return encoded


def square(p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return (f - w)^2 of the second of two classes, or with more classes the sum over all."""
    squares: np.ndarray = (p[:, 1] - w[:, 1]) ** 2 if p.shape[1] == 2 else ((p - w) ** 2).sum(axis=1)
    return squares


def ece(p: np.ndarray, target: np.ndarray) -> float:
    right = hard(p) == target
    edges = np.linspace(0, 1, 16)
    inside = [(sure(p) > low) & (sure(p) <= high) for low, high in pairwise(edges)]
    return sum(float(mask.mean() * abs(right[mask].mean() - sure(p)[mask].mean())) for mask in inside if mask.any())


def cross_entropy(p: np.ndarray, w: np.ndarray) -> list[float]:
    return [-sum(b * log(a) for a, b in zip(target, weak, strict=True) if b) for target, weak in zip(p, w, strict=True)]


def capa(columns: Columns) -> float:
    f, w, gold = columns["f"], columns["w"], columns["gold"]
    p, q = (mean(columns[label] for columns, label in zip(x.tolist(), gold, strict=True)) for x in (f, w))
    expected = p * q + (1 - p) * (1 - q) / (f.shape[1] - 1)
    return float((mean((f * w).sum(axis=1).tolist()) - expected) / (1 - expected))


def parts(values: np.ndarray) -> tuple[float, float]:
    """Return the parts of seeds and of examples in the variance of the mean, as in a two-way layout.

    ``values`` is (seeds, examples).
    """
    seeds, n = values.shape
    of_seeds, of_examples = values.mean(axis=1, keepdims=True), values.mean(axis=0)
    luck = ((values - of_seeds - of_examples + values.mean()) ** 2).sum() / (seeds - 1) / (n - 1)
    return (of_seeds.var(ddof=1) - luck / n) / seeds, of_examples.var(ddof=1) / n


def quantile(of_seeds: float, of_examples: float, shape: tuple[int, ...]) -> float:
    """Return the quantile of the two variances: those of Student's t, weighted by the variances; 0 if nothing varies."""
    total = of_seeds + of_examples
    weights = [of_seeds / total, of_examples / total] if total else [0, 0]
    return float(np.dot(student_t.ppf(0.975, np.array(shape) - 1), weights))


def interval(rows: list[Any]) -> list[float]:
    values = np.array(rows, float)
    of_seeds, of_examples = max(0, parts(values)[0]), parts(values)[1]
    value, total = float(values.mean()), of_seeds + of_examples
    half = quantile(of_seeds, of_examples, values.shape) * sqrt(total)
    return [value, value - half, value + half]


def fieller(over: np.ndarray, under: np.ndarray) -> list[float]:
    """Return the ratio of means, and the r at which the mean of ``over`` - r ``under`` leaves its interval, by bisection."""
    ratio = float(over.mean() / under.mean())
    top, bottom, both = (parts(quantity)[0] for quantity in (over, under, over + under))
    mixed = (both - top - bottom) / 2
    levels, directions = np.linalg.eigh([[top, mixed], [mixed, bottom]])

    def variances(r: float) -> tuple[float, float]:
        """Return the variance of seeds and of examples. Directions with a negative part of seeds count as zero."""
        of_seeds = sum(
            max(0, level) * (direction[0] - r * direction[1]) ** 2 for level, direction in zip(levels, directions.T, strict=True)
        )
        return of_seeds, parts(over - r * under)[1]

    q = quantile(*variances(ratio), over.shape)

    def outside(r: float) -> bool:
        return bool(abs((over - r * under).mean()) > q * sqrt(sum(variances(r))))

    ends = []
    for far in (ratio - 1, ratio + 1):
        near = ratio
        for _ in range(40):
            middle = (near + far) / 2
            near, far = (near, middle) if outside(middle) else (middle, far)
        ends.append(near)
    return [ratio, *ends]


def spread(values: list[float]) -> list[float]:
    return [mean(values), min(values), max(values)]


def bounded(numbers: list[float], over: np.ndarray, under: np.ndarray) -> list[float]:
    """The interval inside [0, 1]; where fewer than ten examples are on one side, every p that is as far from the share as it
    allows itself, with the variance p (1 - p) / n of a binomial share, found by halving."""
    p, n = numbers[0], under.mean() * under.shape[1]
    if n * min(p, 1 - p) >= 10:
        return [p, *(min(1, max(0, end)) for end in numbers[1:])]
    of_seeds, of_examples = (part / under.mean() ** 2 for part in parts(over - p * under))
    of_seeds = max(0, of_seeds)
    total = of_seeds + of_examples
    draws = min(n, p * (1 - p) / total) if total else n
    q = quantile(of_seeds, of_examples, under.shape) or float(student_t.ppf(0.975, under.shape[1] - 1))
    ends = []
    for far in (0.0, 1.0):
        near = p
        for _ in range(50):
            middle = (near + far) / 2
            outside = abs(p - middle) > q * sqrt(middle * (1 - middle) / draws)
            near, far = (near, middle) if outside else (middle, far)
        ends.append(near)
    return [p, *ends]


def calibrations(said: list[Columns]) -> list[list[float]]:
    gold = said[0]["gold"]
    brier = interval([square(columns["f"], indicator(gold, columns["f"])) for columns in said])
    nll = interval([cross_entropy(columns["f"], indicator(gold, columns["f"])) for columns in said])
    if said[0]["f"].shape[1] == 2:
        assert brier[0] == pytest.approx(mean(brier_score_loss(gold, columns["f"][:, 1]) for columns in said))
    assert nll[0] == pytest.approx(
        mean(log_loss(gold, columns["f"] / columns["f"].sum(axis=1, keepdims=True)) for columns in said)
    )
    bias = interval([sure(columns["f"]) - (hard(columns["f"]) == gold) for columns in said])
    rows = [spread([ece(columns["f"], gold) for columns in said]), bias, brier, nll]
    if said[0]["f"] is not said[0]["w"]:
        rows.append(spread([ece(columns["f"], hard(columns["w"])) for columns in said]))
        rows.append(interval([square(columns["f"], columns["w"]) for columns in said]))
        rows.append(interval([cross_entropy(columns["f"], columns["w"]) for columns in said]))
    return [*rows, [stdev(accuracy_score(gold, hard(columns["f"])) for columns in said)]]


def error_agreements(said: list[Columns]) -> list[list[float]]:
    gold = said[0]["gold"]
    wrong = np.array([hard(columns["w"]) != gold for columns in said])
    same = np.array([hard(columns["w"]) == hard(columns["f"]) for columns in said])
    sureness = np.array([sure(columns["f"]) for columns in said])
    apart = 1.0 * (~same & (sureness > CDR))
    copied, errors = 1.0 * (wrong & same & (sureness > CAR)), 1.0 * wrong
    blind = 1.0 * np.array(
        [(sure(columns["w"]) <= DOUBT) & (sure(columns["f"]) > CDR) & (hard(columns["f"]) != gold) for columns in said]
    )
    return [
        bounded(interval(list(apart)), apart, np.ones_like(apart)),
        bounded(fieller(copied, errors), copied, errors),
        bounded(interval(list(blind)), blind, np.ones_like(blind)),
        spread([matthews_corrcoef(hard(columns["f"]) != gold, hard(columns["w"]) != gold) for columns in said]),
        spread([cohen_kappa_score(hard(columns["f"]), hard(columns["w"])) for columns in said]),
        spread([capa(columns) for columns in said]),
    ]
