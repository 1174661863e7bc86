"""The shape of logits and targets in training: with two classes those of class 1 (n,), with K > 2 of every class (n, K).

The counterpart for tensors of training.storage.probabilities.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def outputs_of(classes: int) -> int:
    """Return the number of outputs of a head: one for two classes, otherwise one for each."""
    return 1 if classes == 2 else classes


def difference_of_two(values: Tensor, dim: int) -> Tensor:
    """Return ``values`` of every class along ``dim``; those of two classes become one, their difference."""
    return values.narrow(dim, 1, 1) - values.narrow(dim, 0, 1) if values.shape[dim] == 2 else values


def binary(logits: Tensor) -> bool:
    """Return whether the logits or labels are those of class 1 alone, of two classes."""
    return logits.dim() == 1


def probabilities(logits: Tensor) -> Tensor:
    """Return the probabilities of class 1 (n,) for ``logits`` (n,), of all classes (n, K) for logits (n, K)."""
    return torch.sigmoid(logits) if binary(logits) else torch.softmax(logits, dim=1)


def most_probable(labels: Tensor) -> Tensor:
    """Return soft labels as zeros and ones: 1 above one half; with more classes the first of the most probable."""
    if binary(labels):
        return (labels > 0.5).to(labels.dtype)
    return F.one_hot(labels.argmax(dim=1), labels.shape[1]).to(labels.dtype)


def log_by_class(logits: Tensor) -> Tensor:
    """Return the log-probabilities of every class (n, K), for two classes too."""
    if binary(logits):
        return torch.stack([F.logsigmoid(-logits), F.logsigmoid(logits)], dim=1)
    return torch.log_softmax(logits, dim=1)


def by_class(labels: Tensor) -> Tensor:
    """Return the probabilities of every class (n, K), for two classes too."""
    return torch.stack([1 - labels, labels], dim=1) if binary(labels) else labels


def like(prob: Tensor, logits: Tensor) -> Tensor:
    """Return probabilities of every class (n, K) in the shape of ``logits``."""
    return prob[:, 1] if binary(logits) else prob


def choose(mask: Tensor, labels: Tensor, other: Tensor) -> Tensor:
    """Return ``labels`` for the rows that ``mask`` (n,) marks, and ``other`` for the rest."""
    return torch.where(mask if binary(labels) else mask[:, None], labels, other)
