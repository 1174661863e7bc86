"""Targets and losses of the methods, as pure functions of a batch.

Logits are (n,), of class 1, and labels its probabilities; with K > 2 classes both are (n, K), one for each class. Losses are in
nats and means over the batch.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from training.engine.logits import binary, by_class, choose, like, log_by_class, most_probable, probabilities
from training.spec import RunSpec
from training.spec.methods import Anchored, LanguageModelling, Learning
from training.spec.methods.losses import (
    AdaptConf,
    AdaptConfCorrected,
    Cace,
    Confidence,
    ConfidenceBuffer,
    ConfidenceRelease,
    Entropy,
    EntropyRelease,
    Naive,
    Product,
    ReverseCrossEntropy,
    ReverseKL,
    Symmetric,
    Window,
)

GUESSING = (Confidence, ConfidenceRelease, ConfidenceBuffer, Anchored)
"""Methods whose target contains the student's own hardened guess."""
LEAST = 1e-6
"""Distance of weak labels from 0 and 1 where their logarithm is taken without other smoothing."""


ROUNDS, SHARPNESS = 10, 0.2
"""Rounds of normalisation for balanced guesses, and their temperature as a share of the spread of log-probabilities."""


def method_of(run: RunSpec) -> Learning:
    """Return the method whose loss ``run`` has: that of texts where its model writes answers, which methods choose or replace."""
    return LanguageModelling() if run.writes else run.method


def target(
    method: Learning,
    labels: Tensor,
    logits: Tensor,
    progress: float,
    batch: Tensor | None = None,
    *,
    step: int = 0,
    prior: Tensor | None = None,
    truth: Tensor | None = None,
) -> Tensor:
    """Return the target of ``loss``: the labels, or the method's transformation of them. No gradient flows through it.

    ``progress`` is the completed share of the training, in [0, 1), and ``step`` the number of steps. Where ``logits`` are of a
    share, ``batch`` are the logits of the whole batch and ``prior`` is its mean label, () or (K,). ``truth`` marks the rows whose
    label is true, which get no guess. Raises ValueError for a batch of one under a confidence loss for two classes, which has no
    half.
    """
    weight = own_weight(method, progress, step)
    return weighted_target(method, labels, logits, weight, batch, prior=prior, truth=truth)


def weighted_target(
    method: Learning,
    labels: Tensor,
    logits: Tensor,
    weight: float | Tensor,
    batch: Tensor | None = None,
    *,
    prior: Tensor | None = None,
    truth: Tensor | None = None,
) -> Tensor:
    """Return ``target`` for a ``weight`` from ``own_weight``. As a tensor it may differ between the runs of ``torch.vmap``."""
    if isinstance(method, GUESSING):
        share = (shares(labels) if prior is None else prior) if uses_prior(method) else None
        mixed = (1 - weight) * labels + weight * hardened(logits.detach(), batch, share)
        if truth is None:
            return mixed
        return choose(truth, labels, mixed)
    if isinstance(method, EntropyRelease):
        return (1 - weight) * labels + weight * probabilities(logits.detach())
    if isinstance(method, Product):
        return product(logits.detach(), labels, method.supervisor, method.student)
    if isinstance(method, Naive) and method.labels == "hard":
        return most_probable(labels)
    return labels


def loss(method: Learning, logits: Tensor, target: Tensor, progress: float, step: int = 0) -> Tensor:
    """Return the mean loss of ``logits`` against the target from ``target``. The mean over nothing is zero."""
    return weighted_loss(method, logits, target, own_weight(method, progress, step))


def weighted_loss(method: Learning, logits: Tensor, target: Tensor, weight: float | Tensor) -> Tensor:
    """Return ``loss`` for a ``weight`` from ``own_weight``."""
    if not len(logits):
        return logits.sum()
    match method:
        case LanguageModelling():
            return logits.mean()  # the costs of the texts
        case ReverseCrossEntropy():
            return reverse_cross_entropy(logits, target, method.smoothing).mean()
        case ReverseKL():
            return (reverse_cross_entropy(logits, target, method.smoothing) - entropy(logits)).mean()
        case Symmetric():
            return cross_entropy(logits, target) + method.reverse * reverse_cross_entropy(logits, target, method.smoothing).mean()
        case Cace():
            return cace(logits, target, method.margin, method.smoothing).mean()
        case Entropy():
            return (1 - weight) * cross_entropy(logits, target) + weight * entropy(logits).mean()
        case Window():
            return window(logits, target, method.radius).mean()
        case AdaptConf() | AdaptConfCorrected():
            return adaptive(logits, target, method.temperature, corrected=isinstance(method, AdaptConfCorrected)).mean()
    return cross_entropy(logits, target)


def reads_student(method: Learning) -> bool:
    """Return whether ``target`` reads the student's logits."""
    return isinstance(method, (*GUESSING, EntropyRelease, Product))


def uses_prior(method: Learning) -> bool:
    """Return whether ``target`` hardens a guess so that a batch has the shares of the classes of its mean weak label."""
    if isinstance(method, Confidence | Anchored):
        return method.threshold in ("prior", "balanced")
    return isinstance(method, ConfidenceRelease)


def recent(method: Learning) -> int | None:
    """Return the number of last predictions that a threshold is taken over; None for those of the batch alone."""
    return method.buffer if isinstance(method, ConfidenceBuffer) else None


def confidence_weight(method: Learning, progress: float, step: int = 0) -> float | None:
    """Return the weight of the student's own view at this point of the training; None for methods without one."""
    return own_weight(method, progress, step) if method.own_view else None


def own_weight(method: Learning, progress: float, step: int) -> float:
    """Return the a of confidence and entropy losses, else 0: a linear warm-up to ``method.weight``, but not in the release."""
    match method:
        case Confidence() | Anchored():
            return method.weight if progress >= method.ramp else method.weight * (progress / method.ramp)
        case ConfidenceRelease():
            return method.weight if progress > method.ramp else method.weight * progress
        case ConfidenceBuffer() | Entropy() | EntropyRelease():
            return method.weight if step >= method.ramp_steps else method.weight * (step / method.ramp_steps)
    return 0.0


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross-entropy of ``logits`` against ``target``, probabilities of the same shape.

    Soft labels are used as they are (Burns et al. 2023, section 4); ground truth is the case of zeros and ones. The mean over
    nothing is zero.
    """
    if not len(logits):
        return logits.sum()
    return F.binary_cross_entropy_with_logits(logits, target) if binary(logits) else F.cross_entropy(logits, target)


def hardened(logits: Tensor, batch: Tensor | None = None, prior: Tensor | None = None) -> Tensor:
    """Return 1[f > t] (n,) with t the batch median: floor(n / 2) guesses are 1, fewer on ties with the median, which are 0.

    The median is that of ``batch`` where ``logits`` are only a share of it. With a ``prior``, t is the quantile above which that
    share of the batch lies, as in OpenAI's released code. With K > 2 classes it is one-hot (n, K), of the class that is most
    probable after ``offsets`` which give each class its share ``prior`` (K,) of the batch; in runs of earlier versions, without
    one, the most probable class. The paper has two classes only: both extensions are ours.
    """
    if not binary(logits):
        log = log_by_class(logits)
        moved = log if prior is None else log + offsets(log if batch is None else log_by_class(batch), prior)
        return most_probable(moved).to(torch.float32)
    return (logits > threshold(logits if batch is None else batch, prior)).to(torch.float32)


def shares(labels: Tensor) -> Tensor:
    """Return the mean of soft labels: the share of class 1 (), or of each of K > 2 classes (K,)."""
    return labels.mean() if binary(labels) else labels.mean(dim=0)


def offsets(log: Tensor, share: Tensor) -> Tensor:
    """Return what to add to log-probabilities ``log`` (n, K) of a batch so that class k is the largest of n ``share``[k] rows.

    They are the duals of a transport of the rows to the classes (Asano et al. 2020, arXiv:1911.05371), by ROUNDS of Sinkhorn's
    alternating normalisation. With two classes they move the threshold to the quantile of ``share``. The temperature follows the
    spread of ``log``, so that small differences of an untrained student count as large ones of a trained one do.
    """
    temperature = ((log - log.mean(dim=0)).square().mean().sqrt() * SHARPNESS).clamp(LEAST)
    scaled, wanted = log / temperature, (share.clamp(LEAST) * len(log)).log()
    added = torch.zeros_like(wanted)
    for _ in range(ROUNDS):
        added = wanted - torch.logsumexp(scaled - torch.logsumexp(scaled + added, dim=1, keepdim=True), dim=0)
    return added * temperature


def threshold(batch: Tensor, prior: Tensor | None = None) -> Tensor:
    """Return the logit above which a guess of two classes becomes 1, for the logits (n,) of a whole batch. See ``hardened``."""
    if len(batch) < 2:
        raise ValueError("The confidence loss needs batches of at least two examples: the median of one splits nothing.")
    if prior is None:
        return batch.sort().values[len(batch) - len(batch) // 2 - 1]
    # The release compares probabilities of class 0, whose order is reversed.
    return -quantile(-batch, prior.to(batch.dtype))


def quantile(values: Tensor, share: Tensor) -> Tensor:
    """Return what ``torch.quantile`` does for ``values`` (n,) and one ``share``, but by functions that torch.vmap can batch."""
    ordered, place = values.sort().values, share * (len(values) - 1)
    below, above = (ordered.gather(0, index.long()[None]) for index in (place, place.ceil()))
    return torch.lerp(below, above, place - place.floor()).squeeze(0)


def product(logits: Tensor, labels: Tensor, supervisor: float, student: float) -> Tensor:
    """Return f^b w^a, normalised over the classes: with b = ``student`` and a = ``supervisor``."""
    return like(torch.softmax(student * log_by_class(logits) + supervisor * by_class(labels).clamp(LEAST).log(), dim=1), logits)


def entropy(logits: Tensor) -> Tensor:
    """Return H(f) of each example (n,)."""
    log = log_by_class(logits)
    return -(log.exp() * log).sum(dim=1)


def reverse_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Return -sum f log w' of each example (n,), with w' = (1 - e) w + e / K and e = ``smoothing``."""
    both = by_class(labels)
    return -(log_by_class(logits).exp() * ((1 - smoothing) * both + smoothing / both.shape[1]).log()).sum(dim=1)


def cace(logits: Tensor, labels: Tensor, margin: float, smoothing: float) -> Tensor:
    """Return for each example (n,) cross-entropy where |w - 1/2| is at least ``margin``, else reverse. Two classes."""
    forward = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return torch.where((labels - 0.5).abs() >= margin, forward, reverse_cross_entropy(logits, labels, smoothing))


def window(logits: Tensor, labels: Tensor, radius: float) -> Tensor:
    """Return for each example (n,) cross-entropy where max(f, 1 - f) < 1/2 + ``radius``, else 0. Two classes."""
    unsure = (probabilities(logits.detach()) - 0.5).abs() < radius
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none") * unsure


def adaptive(logits: Tensor, labels: Tensor, temperature: float, *, corrected: bool) -> Tensor:
    """Return (1 - a) CE(f, w) + a CE(f, argmax f) of each example (n,), with the a of AdaptConf as a constant."""
    log, both = log_by_class(logits), by_class(labels)
    own = log.detach().max(dim=1)
    # Two classes that are equally probable are class 0, here and in most_probable.
    of_supervisor = log.detach().gather(1, both.argmax(dim=1, keepdim=True)).squeeze(1)
    odds = (own.values - of_supervisor) / temperature
    weight = torch.sigmoid(odds if corrected else -odds)
    towards_guess = log.gather(1, own.indices[:, None]).squeeze(1)
    return -(1 - weight) * (both * log).sum(dim=1) - weight * towards_guess
