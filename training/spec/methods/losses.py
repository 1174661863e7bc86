"""Methods defined by a loss, each a pure function of the student's logits and the weak labels."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import GUESS, WARM_UP, MethodBase, weight_field


class Naive(MethodBase):
    """Cross-entropy to the supervisor's labels (Burns et al. 2023, section 4)."""

    kind: Literal["naive"] = Field("naive", title="Naive")
    labels: Literal["soft", "hard"] = Field(
        "soft", title="Weak labels", description="Soft: the supervisor’s probabilities. Hard: its most probable class."
    )


class Confidence(MethodBase):
    """Confidence loss: part of the target is the student's own hardened guess (Burns et al. 2023, section 4.3.2 and A.4).

    (1 - a) CE(f, w) + a CE(f, 1[f > t]). The paper defines two classes; with more, each class has its share of the weak labels
    among the guesses of a batch, which is ours (after the equal shares of Asano et al. 2020, arXiv:1911.05371).
    """

    short: ClassVar[str] = "Confidence"
    own_view: ClassVar[bool] = True
    kind: Literal["confidence"] = Field("confidence", title="Confidence loss")
    weight: float = weight_field(
        f"{GUESS} With more than two classes the guesses of a batch have the shares of its weak labels, which is ours."
    )
    ramp: float = Field(0.2, ge=0, le=1, title="Warm-up", description=WARM_UP)
    threshold: Literal["median", "prior", "balanced"] = Field(
        "median",
        title="Threshold",
        description="Threshold above which a guess of two classes is 1. Median: half of the batch, for balanced data. Prior: the "
        "share of class 1 in the batch by the weak labels. Balanced: the same for every class, the only one with more than two "
        "classes; with two it is Prior.",
    )


class ConfidenceRelease(MethodBase):
    """The confidence loss as OpenAI's released code computes it, whose weight jumps.

    Its weight is a times the completed share of the training, not divided by the warm-up, and a after it (weak-to-strong,
    loss.py). Its threshold is the quantile that reproduces the share of class 1 among the weak labels. It is for two
    classes.
    """

    two_classes: ClassVar[bool] = True
    short: ClassVar[str] = "Confidence, OpenAI"
    own_view: ClassVar[bool] = True
    kind: Literal["confidence-release"] = Field("confidence-release", title="Confidence loss (OpenAI)")
    weight: float = weight_field(
        "Share of the target that is the student’s own guess, after the warm-up. The released code has a bug, kept here: the "
        "weight rises to weight × warm-up only and then jumps. The paper’s schedule is the method Confidence loss."
    )
    ramp: float = Field(0.1, ge=0, le=1, title="Warm-up", description="Share of the training before the jump.")


class ConfidenceBuffer(MethodBase):
    """The confidence loss with a threshold over the last predictions, for small batches (EleutherAI/w2s).

    The threshold is the median of the last predictions, those of earlier batches included.
    """

    two_classes: ClassVar[bool] = True
    short: ClassVar[str] = "Confidence, buffer"
    own_view: ClassVar[bool] = True
    kind: Literal["confidence-buffer"] = Field("confidence-buffer", title="Confidence loss (buffer)")
    weight: float = weight_field(GUESS)
    ramp_steps: int = Field(
        100, ge=0, le=1_000_000, title="Warm-up", description="Optimiser steps over which the weight rises linearly from zero."
    )
    buffer: int = Field(
        32, ge=2, le=100_000, title="Buffer", description="Number of the last training predictions whose median is the threshold."
    )


SMOOTHING = "Share of a weak label that is spread evenly over the classes: a label of exactly 0 or 1 would have infinite cost."


def smoothing_field() -> float:
    smoothing: float = Field(0.1, gt=0, le=1, title="Label smoothing", description=SMOOTHING)
    return smoothing


class ReverseCrossEntropy(MethodBase):
    """Reverse cross-entropy: the roles of student and label are swapped (arXiv:2502.11107).

    -sum f log w', with w' = (1 - e) w + e / K. Its gradient vanishes where the student is confident, so that a confident
    disagreement persists. It has no finite optimum: it drives f to the supervisor's hard label.
    """

    short: ClassVar[str] = "Reverse CE"
    kind: Literal["reverse-ce"] = Field("reverse-ce", title="Reverse cross-entropy")
    smoothing: float = smoothing_field()


class ReverseKL(MethodBase):
    """Reverse KL divergence: reverse cross-entropy less the student's entropy (arXiv:2502.11107).

    sum f (log f - log w'), with w' = (1 - e) w + e / K. Least at f = w'.
    """

    kind: Literal["reverse-kl"] = Field("reverse-kl", title="Reverse KL")
    smoothing: float = smoothing_field()


class Symmetric(MethodBase):
    """Symmetric cross-entropy: forward plus weighted reverse cross-entropy (arXiv:2505.24313).

    CE(f, w) + b RCE(f, w).
    """

    short: ClassVar[str] = "Symmetric CE"
    kind: Literal["symmetric-ce"] = Field("symmetric-ce", title="Symmetric cross-entropy")
    reverse: float = Field(0.1, ge=0, le=100, title="Reverse weight", description="Weight of the reverse cross-entropy.")
    smoothing: float = smoothing_field()


class Cace(MethodBase):
    """CACE: cross-entropy to confident weak labels, reverse cross-entropy to uncertain ones (arXiv:2505.24313).

    CE where |w - 1/2| is at least the margin, RCE elsewhere.
    """

    two_classes: ClassVar[bool] = True
    kind: Literal["cace"] = Field("cace", title="CACE")
    margin: float = Field(
        0.1, ge=0, le=0.5, title="Margin", description="Distance of a weak label from one half at which it counts as confident."
    )
    smoothing: float = smoothing_field()


class Product(MethodBase):
    """Product of confidences: a target proportional to powers of student's and supervisor's probabilities (OpenAI's release).

    Cross-entropy to the normalised f^b w^a, through which no gradient flows.
    """

    short: ClassVar[str] = "Product"
    kind: Literal["product"] = Field("product", title="Product of confidences")
    supervisor: float = Field(1.0, ge=0, le=10, title="Power of the weak label", description="The a of the release.")
    student: float = Field(
        1.0,
        ge=0,
        le=10,
        title="Power of the student",
        description="The b of the release. At 1, the release’s value, the target always lies beyond the student on the "
        "supervisor’s side, so that training never settles; below 1 it settles at log-odds a / (1 - b) times the supervisor’s.",
    )


class Entropy(MethodBase):
    """Entropy: part of the loss is the student's own uncertainty, with a gradient through all of it.

    (1 - a) CE(f, w) + a H(f): the intended loss of EleutherAI/w2s, which its released code does not compute.
    """

    own_view: ClassVar[bool] = True
    kind: Literal["entropy"] = Field("entropy", title="Entropy")
    weight: float = weight_field("Weight of the student’s entropy, after the warm-up; the cross-entropy has the rest.")
    ramp_steps: int = Field(
        100, ge=0, le=1_000_000, title="Warm-up", description="Optimiser steps over which the weight rises linearly from zero."
    )


class EntropyRelease(MethodBase):
    """The entropy loss as EleutherAI/w2s released it, whose entropy has no gradient.

    Cross-entropy to (1 - a) w + a f with f detached: its gradient is exactly (1 - a) times that of naive.
    """

    short: ClassVar[str] = "Entropy, release"
    own_view: ClassVar[bool] = True
    kind: Literal["entropy-release"] = Field("entropy-release", title="Entropy (EleutherAI)")
    weight: float = weight_field(
        "The released code detaches its target, kept here: the gradient is exactly 1 − weight times that of naive, and no "
        "entropy is lowered. The corrected form is the method Entropy."
    )
    ramp_steps: int = Field(
        100, ge=0, le=1_000_000, title="Warm-up", description="Optimiser steps over which the weight rises linearly from zero."
    )


class Window(MethodBase):
    """Window: cross-entropy only where the student is not confident yet (EleutherAI/w2s).

    CE(f, w) where max(f, 1 - f) < 1/2 + r, zero elsewhere, over the size of the whole batch.
    """

    two_classes: ClassVar[bool] = True
    kind: Literal["window"] = Field("window", title="Window")
    radius: float = Field(
        0.15, gt=0, le=0.5, title="Radius", description="Largest distance from one half of a probability that still learns."
    )


class AdaptConf(MethodBase):
    """Adaptive confidence with its published sign: a confident disagreement gives the supervisor more weight.

    (1 - a) CE(f, w) + a CE(f, argmax f), a = t^(1/T) / (t^(1/T) + m^(1/T)) of each example, with t the student's probability of
    the supervisor's class and m that of its own (arXiv:2402.03749 and its code). The weight is treated as a constant, and the
    code's loss on ground truth is left out: both are ours.
    """

    kind: Literal["adaptconf"] = Field("adaptconf", title="AdaptConf")
    temperature: float = Field(
        0.5,
        gt=0,
        le=100,
        title="Temperature",
        description="The published formula is kept here: where the student confidently disagrees, its own weight falls to 0, the "
        "opposite of the stated intent. The method AdaptConf (corrected) has the other sign.",
    )


class AdaptConfCorrected(MethodBase):
    """Adaptive confidence with the sign corrected, which is ours: a confident disagreement gives the student more weight.

    As AdaptConf with a = m^(1/T) / (t^(1/T) + m^(1/T)), at least one half.
    """

    short: ClassVar[str] = "AdaptConf, corr."
    kind: Literal["adaptconf-corrected"] = Field("adaptconf-corrected", title="AdaptConf (corrected)")
    temperature: float = Field(
        0.5,
        gt=0,
        le=100,
        title="Temperature",
        description="The lower it is, the more the student’s own guess dominates. The classes are not kept balanced.",
    )


Loss = (
    Naive
    | Confidence
    | ConfidenceRelease
    | ConfidenceBuffer
    | ReverseCrossEntropy
    | ReverseKL
    | Symmetric
    | Cace
    | Product
    | Entropy
    | EntropyRelease
    | Window
    | AdaptConf
    | AdaptConfCorrected
)
