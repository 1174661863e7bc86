"""Estimates of a run's duration and rows before anything is loaded, by the cost model of costs.py."""

import math
from typing import Literal, NamedTuple, Protocol

from training import catalog
from training.catalog import vision
from training.catalog.models import BAG_OF_WORDS_BUCKETS
from training.planning import costs
from training.spec import RunSpec

GUESSED_ROWS = 10_000

Half = Literal["A", "B"]


COSTS = (
    *("dataset", "test_fraction", "locked_fraction", "half_a_fraction", "validation_fraction", "limit", "half"),
    *("model", "adaptation", "epochs", "batch_size", "derives", "prompts", "writes", "answer_samples"),
)
"""The fields of a run that ``estimate_seconds`` reads."""


def estimate_seconds(run: RunSpec, *, features_ready: bool = False) -> float:
    """Estimate the seconds of ``run`` on two CPU cores: start-up, features unless they are ready, steps and evaluations."""
    if run.prompts and run.writes:
        predicted = rows_of(run.dataset, run, run.half)
        written = predicted.train + predicted.validation + predicted.test + predicted.locked
        return costs.STARTUP_SECONDS + costs.WRITTEN_PASSES * run.answer_samples * written * forward_seconds(run.model)
    if run.derives:
        return costs.STARTUP_SECONDS + (features_seconds(run) if not features_ready else 0.0)
    rows, texts = rows_of(run.dataset, run, run.half), texts_of(run.dataset)
    steps = run.epochs * math.ceil(rows.train / run.batch_size)
    if not run.tunes_backbone:
        features = features_seconds(run) if not features_ready else 0.0
        weights = head_weights(run)
        evaluated = costs.HEAD_EVALUATIONS * (rows.test + rows.validation) + sum(rows)
        step = costs.HEAD_STEP_SECONDS + weights * costs.HEAD_WEIGHT_SECONDS
        return costs.STARTUP_SECONDS + features + steps * step + evaluated * weights * costs.HEAD_EVALUATION_SECONDS
    training = 3 * run.epochs * rows.train  # a step costs about three forward passes of its batch
    fewest = costs.FEWEST_EVALUATIONS * (min(rows.test, costs.FEWEST_EVALUATED) + rows.validation)
    passes = training + max(costs.EVALUATION_SHARE * training, fewest)
    each = costs.WRITTEN_PASSES * run.answer_samples if run.writes else 1
    passes += each * (rows.train + rows.validation + rows.test + rows.locked)
    return costs.STARTUP_SECONDS + passes * texts * forward_seconds(run.model) + steps * costs.FULL_STEP_SECONDS


def head_weights(run: RunSpec) -> int:
    """Return the number of weights of the head of ``run``, as far as its model and data set are known."""
    entry, data = catalog.known_model_on(run.dataset, run.model), catalog.known_dataset(run.dataset)
    classes = len(data.classes) if data else 2
    width = BAG_OF_WORDS_BUCKETS if run.adaptation == "scratch" else entry.width if entry else 0
    return width * (1 if classes <= 2 else classes)


def head_bytes(run: RunSpec) -> int:
    """Estimate the memory of a head in training: its weights with moments and gradient, and labels and outputs of all rows."""
    data = catalog.known_dataset(run.dataset)
    classes = len(data.classes) if data else 2
    return costs.FLOAT * (costs.HEAD_COPIES * head_weights(run) + 2 * sum(rows_of(run.dataset, run, run.half)) * max(1, classes))


class Shares(Protocol):
    """The division of a data set, of an experiment or of a run."""

    @property
    def test_fraction(self) -> float: ...
    @property
    def locked_fraction(self) -> float: ...
    @property
    def half_a_fraction(self) -> float: ...
    @property
    def validation_fraction(self) -> float: ...
    @property
    def limit(self) -> int | None: ...


class Rows(NamedTuple):
    """Approximate number of rows of each part; ``train`` and ``validation`` are those of one half."""

    train: int
    validation: int
    test: int
    locked: int


def rows_of(name: str, shares: Shares, half: Half) -> Rows:
    """Return the expected sizes of the parts of the data set ``name``: a hash draws them, so actual sizes differ slightly.

    ``train`` and ``validation`` are those of ``half``.

    Test and locked rows may be given by the data set itself.
    """
    total, entry = total_rows(name, shares), catalog.known_dataset(name)
    test, locked = round(total * shares.test_fraction), round(total * shares.locked_fraction)
    if entry and entry.parts:
        test, locked = entry.parts.get("test", 0), entry.parts.get("locked", 0)
    share = shares.half_a_fraction if half == "A" else 1 - shares.half_a_fraction
    size = math.floor((total - test - locked) * share)
    size = size if shares.limit is None else min(size, shares.limit)
    validation = round(size * shares.validation_fraction)
    return Rows(size - validation, validation, test, locked)


def features_seconds(run: RunSpec) -> float:
    """Estimate the seconds for the frozen features of ``run``, which it shares with other runs; 0 where it reads none."""
    if _is_vision(run.model) and not run.derives:
        return total_rows(run.dataset, run) * forward_seconds(run.model)
    if run.adaptation != "probe" or (run.derives and not run.prompts):
        return 0.0
    limited = run.prompts and run.limit is not None
    rows = sum(rows_of(run.dataset, run, run.half)) if limited else total_rows(run.dataset, run)
    return rows * texts_of(run.dataset) * forward_seconds(run.model)


def total_rows(name: str, shares: Shares) -> int:
    """Return the rows of the data set ``name``; for one that no longer exists, the most that can be used, or a guess."""
    entry = catalog.known_dataset(name)
    if entry:
        return entry.rows
    if shares.limit is None:
        return GUESSED_ROWS
    return round(2 * shares.limit / (1 - shares.test_fraction - shares.locked_fraction))


def texts_of(name: str) -> int:
    """Return the number of texts of an example of the data set ``name``."""
    entry = catalog.known_dataset(name)
    return entry.texts if entry else 1


def _is_vision(model: str) -> bool:
    entry = catalog.known_model(model)
    return entry is not None and entry.kind == "vision"


def forward_seconds(model: str) -> float:
    """Estimate the seconds of one text through ``model``; an unknown model counts as the smallest GPT-2."""
    entry = catalog.known_model(model)
    if entry and entry.architecture == vision.LITE0:
        return costs.IMAGE_SECONDS + costs.LITE0_SECONDS
    layers, width = (entry.layers or 0, entry.width) if entry else (12, 768)
    if _is_vision(model):
        return costs.IMAGE_SECONDS + costs.IMAGE_LAYERS * layers * costs.LAYER_SECONDS * (width / costs.LAYER_WIDTH) ** 2
    return layers * costs.LAYER_SECONDS * (width / costs.LAYER_WIDTH) ** 2
