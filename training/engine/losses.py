"""How weak labels become a training target, by the method: pure functions of the batch and the progress of the training."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from training.spec import Confidence, Method


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross-entropy in nats: ``logits`` (n,) of class 1 against ``target`` (n,), its probability in [0, 1].

    With K > 2 classes both are (n, K), a logit and a probability for each class. Soft labels are used as they are (Burns et al.
    2023, section 4); ground truth is the case of zeros and ones. The mean over nothing is zero.
    """
    if not len(logits):
        return logits.sum()
    return F.binary_cross_entropy_with_logits(logits, target) if logits.dim() == 1 else F.cross_entropy(logits, target)


def probabilities(logits: Tensor) -> Tensor:
    """Of class 1 (n,) for its ``logits`` (n,), of all classes (n, K) for logits (n, K)."""
    return torch.sigmoid(logits) if logits.dim() == 1 else torch.softmax(logits, dim=1)


def target(method: Method, labels: Tensor, logits: Tensor, progress: float, batch: Tensor | None = None) -> Tensor:
    """The target of ``cross_entropy``: the labels, or under the confidence loss their mix with the student's own guess.

    (1 - a) w + a 1[f > t] with w = ``labels``, f the student's ``logits`` and a = ``confidence_weight`` (Burns et al. 2023,
    section 4.3.2 and appendix A.4). No gradient flows through it. ``progress`` is the share of the training that is done,
    in [0, 1). ``batch`` are the logits of the whole batch, where ``logits`` are of a share. Raises ValueError for a batch of one
    under the confidence loss for two classes, which has no half.
    """
    weight = confidence_weight(method, progress)
    if weight is None:
        return labels
    return (1 - weight) * labels + weight * hardened(logits.detach(), batch)


def uses_guess(method: Method) -> bool:
    """Whether ``target`` reads the student's logits."""
    return isinstance(method, Confidence)


def confidence_weight(method: Method, progress: float) -> float | None:
    """The a of the confidence loss: linear from 0 to ``method.weight`` over the ramp, then constant. None for other methods."""
    if not isinstance(method, Confidence):
        return None
    if progress >= method.ramp:
        return method.weight
    return method.weight * (progress / method.ramp)


def hardened(logits: Tensor, batch: Tensor | None = None) -> Tensor:
    """1[f > t] (n,) with t the batch median: floor(n / 2) guesses are 1, fewer where others tie with the median, which are 0.

    The median is that of ``batch`` where ``logits`` are only a share of it. With K > 2 classes the most probable class, as zeros
    and a one (n, K), without a threshold. The paper has two classes only: this extension is ours.
    """
    if logits.dim() == 2:
        return F.one_hot(logits.argmax(dim=1), logits.shape[1]).to(torch.float32)
    batch = logits if batch is None else batch
    if len(batch) < 2:
        raise ValueError("The confidence loss needs batches of at least two examples: the median of one splits nothing.")
    threshold = batch.sort().values[len(batch) - len(batch) // 2 - 1]
    return (logits > threshold).to(torch.float32)
