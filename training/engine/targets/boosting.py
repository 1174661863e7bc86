"""AdaBoost over finished runs: the weights of examples and of members."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.storage.predictions import Predictions

Numbers = npt.NDArray[np.float64]
LEAST = 1e-6
"""Distance of error rates from 0 and 1, so that no vote is infinite."""


class BoostingWeights(NamedTuple):
    """Weights of AdaBoost: ``weight`` (n,) of the examples for the next member, with sum 1, and non-negative ``votes`` (m,)."""

    weight: Numbers
    votes: Numbers


def boosting_weights(members: Sequence[Predictions]) -> BoostingWeights:
    """Return the weights after ``members``, their predictions in turn of the same rows, which all were to learn from.

    Freund and Schapire 1997; with K classes SAMME (Zhu et al. 2009), which is the same for two. A member no better than chance
    has no vote and changes no weight.
    """
    n, classes = len(members[0].id), members[0].classes
    weight, votes = np.full(n, 1 / n), []
    for member in members:
        error = float(np.clip(weight[~member.right].sum(), LEAST, 1 - LEAST))
        vote = max(0.0, (np.log((1 - error) / error) + np.log(classes - 1)) / 2)
        weight = weight * np.where(member.right, 1.0, np.exp(2 * vote))
        weight /= weight.sum()
        votes.append(vote)
    return BoostingWeights(weight, np.array(votes))
