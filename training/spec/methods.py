"""The methods, each one variant: how a student uses weak labels, with its settings, their limits and their words."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from training.base_models import Frozen


class MethodBase(Frozen):
    """In the formulas w is the weak label of an example and f what the student says, both probabilities."""

    two_classes: ClassVar[bool] = False
    """Whether it is defined for two classes only."""
    short: ClassVar[str] = ""
    """What charts call it, where its title is too long."""
    taught: ClassVar[str] = "weak labels"
    """What its student learns from, in words."""
    own_view: ClassVar[bool] = False
    """Whether the student's own view has a weight in its loss, which changes while it trains."""


class Naive(MethodBase):
    """Cross-entropy to the supervisor's labels (Burns et al. 2023, section 4)."""

    kind: Literal["naive"] = Field("naive", title="Naive")
    labels: Literal["soft", "hard"] = Field(
        "soft", title="Weak labels", description="Soft: the supervisor’s probabilities. Hard: its most probable class."
    )


def _weight(description: str) -> float:
    weight: float = Field(0.5, ge=0, le=1, title="Confidence weight", description=description)
    return weight


GUESS = "Share of the target that is the student’s own guess, after the ramp."
RAMP = "Share of the training over which the weight rises linearly from zero."


class Confidence(MethodBase):
    """Confidence loss: part of the target is the student's own hardened guess (Burns et al. 2023, section 4.3.2 and A.4).

    (1 - a) CE(f, w) + a CE(f, 1[f > t]). The paper hardens two classes; with more the guess is the most probable class, which is
    ours.
    """

    short: ClassVar[str] = "Confidence"
    own_view: ClassVar[bool] = True
    kind: Literal["confidence"] = Field("confidence", title="Confidence loss")
    weight: float = _weight(
        f"{GUESS} Of more than two classes the guess is "
        "the most probable one, an extension of the paper that is ours and that keeps no balance between the classes."
    )
    ramp: float = Field(0.2, ge=0, le=1, title="Ramp", description=RAMP)
    threshold: Literal["median", "prior"] = Field(
        "median",
        title="Threshold",
        description="Where a guess of two classes becomes 1. Median: for half of the batch, as for balanced data. Prior: for the "
        "share of the batch that the weak labels give to class 1.",
    )


class ConfidenceRelease(MethodBase):
    """The confidence loss as OpenAI's released code computes it, whose weight jumps.

    Its weight is a times the share of the training that is done, not divided by the ramp, and a after the ramp (weak-to-strong,
    loss.py). Its threshold is the quantile that reproduces the share of class 1 among the weak labels.
    """

    short: ClassVar[str] = "Confidence, OpenAI"
    own_view: ClassVar[bool] = True
    kind: Literal["confidence-release"] = Field("confidence-release", title="Confidence loss (OpenAI)")
    weight: float = _weight(
        "Share of the target that is the student’s own guess, after the ramp. The released code has a bug, kept here: the weight "
        "climbs to weight × ramp only and then jumps. The paper’s schedule is the method Confidence loss."
    )
    ramp: float = Field(0.1, ge=0, le=1, title="Ramp", description="Share of the training before the jump.")


class ConfidenceBuffer(MethodBase):
    """The confidence loss with a threshold over the last predictions, for small batches (EleutherAI/w2s).

    The threshold is the median of the last predictions, those of earlier batches included.
    """

    two_classes: ClassVar[bool] = True
    short: ClassVar[str] = "Confidence, buffer"
    own_view: ClassVar[bool] = True
    kind: Literal["confidence-buffer"] = Field("confidence-buffer", title="Confidence loss (buffer)")
    weight: float = _weight(GUESS)
    ramp_steps: int = Field(
        100, ge=0, le=1_000_000, title="Ramp", description="Optimiser steps over which the weight rises linearly from zero."
    )
    buffer: int = Field(
        32, ge=2, le=100_000, title="Buffer", description="The median is that of so many predictions, the last ones of training."
    )


SMOOTHING = "Share of a weak label that is spread evenly over the classes: a label of exactly 0 or 1 would cost infinitely much."


def _smoothing() -> float:
    smoothing: float = Field(0.1, gt=0, le=1, title="Label smoothing", description=SMOOTHING)
    return smoothing


class ReverseCrossEntropy(MethodBase):
    """Reverse cross-entropy: student and label change places (arXiv:2502.11107).

    -sum f log w', with w' = (1 - e) w + e / K. Its gradient fades where the student is sure, so that a confident disagreement
    stays. It has no finite optimum: it drives f to the supervisor's hard label.
    """

    short: ClassVar[str] = "Reverse CE"
    kind: Literal["reverse-ce"] = Field("reverse-ce", title="Reverse cross-entropy")
    smoothing: float = _smoothing()


class ReverseKL(MethodBase):
    """Reverse KL divergence: reverse cross-entropy less the student's entropy (arXiv:2502.11107).

    sum f (log f - log w'), with w' = (1 - e) w + e / K. Least at f = w'.
    """

    kind: Literal["reverse-kl"] = Field("reverse-kl", title="Reverse KL")
    smoothing: float = _smoothing()


class Symmetric(MethodBase):
    """Symmetric cross-entropy: forward and a share of reverse cross-entropy together (arXiv:2505.24313).

    CE(f, w) + b RCE(f, w).
    """

    short: ClassVar[str] = "Symmetric CE"
    kind: Literal["symmetric-ce"] = Field("symmetric-ce", title="Symmetric cross-entropy")
    reverse: float = Field(0.1, ge=0, le=100, title="Reverse weight", description="Weight of the reverse cross-entropy.")
    smoothing: float = _smoothing()


class Cace(MethodBase):
    """CACE: cross-entropy to sure weak labels, reverse cross-entropy to unsure ones (arXiv:2505.24313).

    CE where |w - 1/2| is at least the margin, RCE elsewhere.
    """

    two_classes: ClassVar[bool] = True
    kind: Literal["cace"] = Field("cace", title="CACE")
    margin: float = Field(
        0.1, ge=0, le=0.5, title="Margin", description="Distance of a weak label from one half from which on it counts as sure."
    )
    smoothing: float = _smoothing()


class Product(MethodBase):
    """Product of confidences: the target is in proportion to powers of what student and supervisor say (OpenAI's release).

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

    (1 - a) CE(f, w) + a H(f): what EleutherAI/w2s meant and its released code does not do.
    """

    own_view: ClassVar[bool] = True
    kind: Literal["entropy"] = Field("entropy", title="Entropy")
    weight: float = _weight("Weight of the student’s entropy, after the ramp; the cross-entropy has the rest.")
    ramp_steps: int = Field(
        100, ge=0, le=1_000_000, title="Ramp", description="Optimiser steps over which the weight rises linearly from zero."
    )


class EntropyRelease(MethodBase):
    """The entropy loss as EleutherAI/w2s released it, whose entropy has no gradient.

    Cross-entropy to (1 - a) w + a f with f detached: its gradient is exactly (1 - a) times that of naive.
    """

    short: ClassVar[str] = "Entropy, release"
    own_view: ClassVar[bool] = True
    kind: Literal["entropy-release"] = Field("entropy-release", title="Entropy (EleutherAI)")
    weight: float = _weight(
        "The released code detaches its target, kept here: the gradient is exactly 1 − weight times that of naive, and no "
        "entropy is lowered. The corrected form is the method Entropy."
    )
    ramp_steps: int = Field(
        100, ge=0, le=1_000_000, title="Ramp", description="Optimiser steps over which the weight rises linearly from zero."
    )


class Window(MethodBase):
    """Window: cross-entropy only where the student is not sure yet (EleutherAI/w2s).

    CE(f, w) where max(f, 1 - f) < 1/2 + r, zero elsewhere, over the size of the whole batch.
    """

    two_classes: ClassVar[bool] = True
    kind: Literal["window"] = Field("window", title="Window")
    radius: float = Field(
        0.15, gt=0, le=0.5, title="Radius", description="How far from one half the student’s own probability may be to learn."
    )


class AdaptConf(MethodBase):
    """Adaptive confidence with its published sign: the surer the student disagrees, the more the supervisor counts.

    (1 - a) CE(f, w) + a CE(f, argmax f), a = t^(1/T) / (t^(1/T) + m^(1/T)) of each example, with t the student's probability of
    the supervisor's class and m that of its own (arXiv:2402.03749 and its code). The weight is taken as a constant, and the
    code's loss on ground truth is left out: both are ours.
    """

    kind: Literal["adaptconf"] = Field("adaptconf", title="AdaptConf")
    temperature: float = Field(
        0.5,
        gt=0,
        le=100,
        title="Temperature",
        description="The published formula is kept here: where the student confidently disagrees, its own weight falls to 0, the "
        "reverse of the stated intent. The method AdaptConf (corrected) has the other sign.",
    )


class AdaptConfCorrected(MethodBase):
    """Adaptive confidence with the sign corrected, which is ours: the surer the student disagrees, the more it counts itself.

    As AdaptConf with a = m^(1/T) / (t^(1/T) + m^(1/T)), at least one half.
    """

    short: ClassVar[str] = "AdaptConf, corr."
    kind: Literal["adaptconf-corrected"] = Field("adaptconf-corrected", title="AdaptConf (corrected)")
    temperature: float = Field(
        0.5,
        gt=0,
        le=100,
        title="Temperature",
        description="The lower it is, the sooner the student’s own guess decides alone. Nothing keeps the classes balanced.",
    )


class FilterThreshold(MethodBase):
    """Confidence filter: naive, on the rows alone of which the supervisor is sure (as in automated-w2s-research).

    Keeps a row where the supervisor's most probable class has more than the threshold. Classes keep no balance.
    """

    short: ClassVar[str] = "Filter"
    kind: Literal["filter-threshold"] = Field("filter-threshold", title="Filter by threshold")
    threshold: float = Field(
        0.75,
        ge=0,
        lt=1,
        title="Threshold",
        description="Probability of its class that a weak label must exceed to be learned from.",
    )


class FilterFraction(MethodBase):
    """Confidence filter by class: naive, on the surest weak labels of each class (ours, after arXiv:2406.19032).

    Keeps the share of the rows of each weak label whose label is surest, so that the classes keep their shares.
    """

    short: ClassVar[str] = "Filter by class"
    kind: Literal["filter-fraction"] = Field("filter-fraction", title="Filter by class")
    keep: float = Field(0.5, gt=0, le=1, title="Kept share", description="Of the rows of each class by the weak labels.")


class Overlap(MethodBase):
    """Overlap selection: naive, on the rows alone that are of one kind by overlap density (arXiv:2412.03881).

    Hard are the rows of which the supervisor is least sure, up to the one change point of |2w - 1|. Of the others those overlap
    that are as near to a hard row (largest inner product of the student's frozen features) as after the change point of that,
    and the rest are easy. The share that overlaps is the overlap density. That a method picks rows by it is ours: the paper
    picks sources of data.
    """

    short: ClassVar[str] = "Overlap"
    kind: Literal["overlap"] = Field("overlap", title="Overlap selection")
    part: Literal["overlap", "easy", "hard", "random"] = Field(
        "overlap",
        title="Rows",
        description="The kind that is learned from. Random is the control: as many rows as overlap, drawn by the seed.",
    )


class Imitation(MethodBase):
    """Imitation prompt: naive, with the supervisor's label at the end of every text (Burns et al. 2023, appendix E.3).

    “I think this is LABEL. What do you think?” stands behind the text that the student reads, in training and at test time, so
    that its supervisor's errors are as easy to imitate as can be. The ceiling reads the text alone. Of a text that is longer
    than the longest text the end is cut, and the label with it.
    """

    short: ClassVar[str] = "Imitation"
    taught: ClassVar[str] = "weak labels that stand in the text"
    kind: Literal["imitation"] = Field("imitation", title="Imitation prompt")


class ZeroShot(MethodBase):
    """Zero-shot prompting: a decoder is asked and learns nothing (Burns et al. 2023, section 5.2.1). The prompt's words are ours.

    The text, the numbers of the classes with their names, and the next token: probabilities are those of the numbers, raw.
    """

    short: ClassVar[str] = "Zero-shot"
    taught: ClassVar[str] = "no labels, only a prompt"
    kind: Literal["zero-shot"] = Field("zero-shot", title="Zero-shot prompt")


class FewShot(MethodBase):
    """Few-shot prompting: a decoder is asked behind some examples with their labels (Burns et al. 2023, section 5.2.1).

    The examples are drawn from half B by the seed, of each label as many as of the others, in an order that the seed draws. The
    prompt's words are ours; all texts are cut so that the whole prompt fits the longest text.
    """

    short: ClassVar[str] = "Few-shot"
    taught: ClassVar[str] = "some examples in the prompt"
    kind: Literal["few-shot"] = Field("few-shot", title="Few-shot prompt")
    shots: int = Field(5, ge=1, le=64, title="Examples", description="How many stand in the prompt.")
    labels: Literal["truth", "weak"] = Field(
        "weak", title="Their labels", description="Weak: the supervisor’s. Truth: the ground truth of these rows."
    )


FRACTION = "Share of half B, validation rows included, that has its ground truth; the seed draws which rows."


def _fraction() -> float:
    fraction: float = Field(0.1, ge=0, le=1, title="Ground truth", description=FRACTION)
    return fraction


class Mixed(MethodBase):
    """Ground truth mixed in: naive, with the true label in place of the weak one on some rows.

    At 0 it is naive, at 1 the ceiling. Random labels in place of the weak ones are the control that says whether these carry
    anything.
    """

    taught: ClassVar[str] = "weak labels and ground truth"
    kind: Literal["mixed"] = Field("mixed", title="Mixed with ground truth")
    fraction: float = _fraction()
    rest: Literal["weak", "random"] = Field(
        "weak",
        title="Other rows",
        description="Weak labels, or as a control hard labels drawn at random, with the same rows and steps.",
    )


class Anchored(MethodBase):
    """Anchored confidence loss: confidence loss, but for rows whose ground truth is known, where it is cross-entropy to that."""

    short: ClassVar[str] = "Anchored"
    taught: ClassVar[str] = "weak labels and ground truth"
    own_view: ClassVar[bool] = True
    kind: Literal["anchored"] = Field("anchored", title="Anchored confidence loss")
    fraction: float = _fraction()
    weight: float = _weight(f"{GUESS} Rows with ground truth have none.")
    ramp: float = Field(0.2, ge=0, le=1, title="Ramp", description=RAMP)


class EasyToHard(MethodBase):
    """Easy to hard: ground truth, but only of rows that the supervisor finds easy (after arXiv:2401.06751).

    Easy are the rows with the supervisor's smallest cross-entropy to the truth. The student learns nothing of the hard ones.
    """

    taught: ClassVar[str] = "ground truth of easy rows"
    kind: Literal["easy-to-hard"] = Field("easy-to-hard", title="Easy to hard")
    easy: float = Field(
        0.5,
        gt=0,
        le=1,
        title="Easy share",
        description="Of half B, by the supervisor’s loss on the truth. The student learns their true labels, so no weak label is "
        "learned; the result adds accuracies on the hard rest of the test set, drawn by the same measure.",
    )


class EnsembleMean(MethodBase):
    """Ensemble of supervisors: naive, on the mean of the labels of all weak models of the experiment.

    PGR is still of the one supervisor of the pair, so that methods can be compared.
    """

    kind: Literal["ensemble-mean"] = Field("ensemble-mean", title="Mean of all supervisors")
    short: ClassVar[str] = "Mean"


def _members() -> int:
    members: int = Field(
        5, ge=2, le=20, title="Members", description="Weak models trained for the ensemble, each a run of its own."
    )
    return members


class Bagging(MethodBase):
    """Bagging: naive, on the mean of weak models that each learned from a bootstrap sample of half A (arXiv:2402.00667)."""

    kind: Literal["bagging"] = Field("bagging", title="Bagging")
    members: int = _members()


class AdaBoost(MethodBase):
    """AdaBoost: naive, on the weighted mean of weak models that each learned most from what those before got wrong.

    Example weights are multiplied by 1 / (2 (1 - e)) where a member is right and 1 / (2 e) where it is wrong, and its label
    weighs ln((1 - e) / e) / 2 (arXiv:2402.00667); with K classes as in SAMME. A member learns from a sample drawn by the weights.
    """

    kind: Literal["adaboost"] = Field("adaboost", title="AdaBoost")
    members: int = _members()


class Bootstrapping(MethodBase):
    """Bootstrapping: supervision goes up through the experiment's smaller strong models (Burns et al. 2023, section 4.3.1).

    Each learns naively from the labels of the one before, on rows of half B that no other learns from. The smallest strong model
    has none before it, and is naive.
    """

    kind: Literal["bootstrapping"] = Field("bootstrapping", title="Bootstrapping")
    route: Literal["chain", "direct"] = Field(
        "chain",
        title="Route",
        description="Chain: through all smaller strong models of the experiment, each with a fresh part of half B. Direct: the "
        "control, the supervisor’s own labels on the rows that the chain’s last student learns from. Naive has all rows.",
    )


class Relabelling(MethodBase):
    """Strong-to-strong: a student labels its own rows for a fresh student, again and again (EleutherAI/w2s, self-training)."""

    taught: ClassVar[str] = "another student’s labels"
    kind: Literal["relabelling"] = Field("relabelling", title="Relabelling")
    short: ClassVar[str] = "Relabelling"
    rounds: int = Field(2, ge=1, le=5, title="Rounds", description="How often a fresh student learns from the one before.")


class Sequential(MethodBase):
    """Sequential: naive on weak labels, then on from there on a little ground truth alone (arXiv:2410.13215)."""

    taught: ClassVar[str] = "weak labels and then ground truth"
    kind: Literal["sequential"] = Field("sequential", title="Weak then true labels")
    short: ClassVar[str] = "Sequential"
    fraction: float = Field(
        0.1, gt=0, le=1, title="Ground truth", description=f"{FRACTION} The second training has these rows alone."
    )


Method = Annotated[
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
    | FilterThreshold
    | FilterFraction
    | Overlap
    | Imitation
    | ZeroShot
    | FewShot
    | Mixed
    | Anchored
    | EasyToHard
    | EnsembleMean
    | Bagging
    | AdaBoost
    | Bootstrapping
    | Relabelling
    | Sequential,
    Field(discriminator="kind"),
]
METHODS: tuple[type[MethodBase], ...] = get_args(get_args(Method)[0])


class LanguageModelling(MethodBase):
    """Not a method that can be chosen, but what a plan has before all methods where texts come first (``strong.text_epochs``).

    Mean over the tokens of a text of -log p(token | those before), and then over texts: no label is read (Burns et al. 2023,
    section 5.2.2, generative finetuning). Of a pair of texts both count, whichever is preferred.
    """

    short: ClassVar[str] = "Texts"
    taught: ClassVar[str] = "texts alone"
    kind: Literal["language-modelling"] = Field("language-modelling", title="Language modelling")


Learning = Annotated[Method | LanguageModelling, Field(discriminator="kind")]
"""What a run may do: a method, or what only a plan has."""
CHOOSY = (FilterThreshold, FilterFraction, Overlap, Mixed, Anchored, EasyToHard, Sequential)
"""Methods that leave rows out, or tell the truth of some."""
PROMPTS = (ZeroShot, FewShot)
"""Methods that ask a decoder and train nothing."""
METHOD_KINDS: tuple[str, ...] = tuple(variant.model_fields["kind"].default for variant in METHODS)
