"""The methods, one variant each: settings with limits, titles and descriptions of how a student uses weak labels."""

from typing import Annotated, get_args

from pydantic import Field

from training.spec.methods.base import MethodBase
from training.spec.methods.chains import Bootstrapping, Chain, Relabelling, Sequential
from training.spec.methods.ensembles import AdaBoost, Bagging, Ensemble, EnsembleMean
from training.spec.methods.ground_truth import Anchored, EasyToHard, GroundTruth, Mixed
from training.spec.methods.language_modelling import LanguageModelling
from training.spec.methods.losses import (
    AdaptConf,
    AdaptConfCorrected,
    Cace,
    Confidence,
    ConfidenceBuffer,
    ConfidenceRelease,
    Entropy,
    EntropyRelease,
    Loss,
    Naive,
    Product,
    ReverseCrossEntropy,
    ReverseKL,
    Symmetric,
    Window,
)
from training.spec.methods.prompts import FewShot, Imitation, Prompt, ZeroShot
from training.spec.methods.row_selection import FilterFraction, FilterThreshold, Overlap, RowSelection
from training.spec.methods.submitted import Submitted

__all__ = [
    "EVERY_METHOD",
    "METHODS",
    "METHOD_KINDS",
    "PROMPTS",
    "ROW_METHODS",
    "AdaBoost",
    "AdaptConf",
    "AdaptConfCorrected",
    "Anchored",
    "Bagging",
    "Bootstrapping",
    "Cace",
    "Chain",
    "Confidence",
    "ConfidenceBuffer",
    "ConfidenceRelease",
    "EasyToHard",
    "Ensemble",
    "EnsembleMean",
    "Entropy",
    "EntropyRelease",
    "FewShot",
    "FilterFraction",
    "FilterThreshold",
    "GroundTruth",
    "Imitation",
    "LanguageModelling",
    "Learning",
    "Loss",
    "Method",
    "MethodBase",
    "Mixed",
    "Naive",
    "Overlap",
    "Product",
    "Prompt",
    "Relabelling",
    "ReverseCrossEntropy",
    "ReverseKL",
    "RowSelection",
    "Sequential",
    "Submitted",
    "Symmetric",
    "Window",
    "ZeroShot",
]

Method = Annotated[
    Loss | RowSelection | Prompt | GroundTruth | Ensemble | Chain | Submitted,
    Field(discriminator="kind"),
]
EVERY_METHOD: tuple[type[MethodBase], ...] = get_args(get_args(Method)[0])
METHODS = tuple(method for method in EVERY_METHOD if method.offered)
"""The methods that a new experiment may ask for."""
Learning = Annotated[Method | LanguageModelling, Field(discriminator="kind")]
"""Methods of runs: those of an experiment, and language modelling, which only a plan has."""
ROW_METHODS = (FilterThreshold, FilterFraction, Overlap, Mixed, Anchored, EasyToHard, Sequential)
"""Methods that leave rows out, or use the ground truth of some."""
PROMPTS = (ZeroShot, FewShot)
"""Methods that prompt a decoder and train nothing."""
METHOD_KINDS: tuple[str, ...] = tuple(variant.model_fields["kind"].default for variant in EVERY_METHOD)
