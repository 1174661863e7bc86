"""The experiment, defined once: types, limits, defaults, titles and rules. Forms, API, storage and docs are generated from it."""

from training.names import GROUND_TRUTH
from training.spec.experiment import (
    DATASET_NAME,
    MOST_SEEDS,
    MOST_SUBMISSIONS,
    SPEC_VERSION,
    DataSpec,
    ExperimentSpec,
    StrongSpec,
    WeakSpec,
    upgrade,
)
from training.spec.methods import Confidence, Method, Naive
from training.spec.problems import Problem, describe
from training.spec.run import ENGINE_VERSION, LARGEST, LATER, LATER_OF_METHODS, PLANNED, RunSpec, key_of
from training.spec.training import STORED, Errors, HeadStart, Pooling, Precision, Stop, TrainingSettings, TrainingSpec
from training.spec.warnings import warnings

__all__ = [
    "DATASET_NAME",
    "ENGINE_VERSION",
    "GROUND_TRUTH",
    "LARGEST",
    "LATER",
    "LATER_OF_METHODS",
    "MOST_SEEDS",
    "MOST_SUBMISSIONS",
    "PLANNED",
    "SPEC_VERSION",
    "STORED",
    "Confidence",
    "DataSpec",
    "Errors",
    "ExperimentSpec",
    "HeadStart",
    "Method",
    "Naive",
    "Pooling",
    "Precision",
    "Problem",
    "RunSpec",
    "Stop",
    "StrongSpec",
    "TrainingSettings",
    "TrainingSpec",
    "WeakSpec",
    "describe",
    "key_of",
    "upgrade",
    "warnings",
]
