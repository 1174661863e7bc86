"""AdaBoost over finished runs: how much each example and each member counts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.storage.predictions import Predictions

Numbers = npt.NDArray[np.float64]
LEAST = 1e-6
"""An error rate is kept so far off 0 and 1, so that no vote is infinite."""


class Ballot(NamedTuple):
    """``weight`` (n,) of each example for the next member, in sum 1, and the ``votes`` (m,) of the members, not below 0."""

    weight: Numbers
    votes: Numbers


def ballot(members: Sequence[Predictions]) -> Ballot:
    """``members`` are what each said, in turn, of the same rows that all were to learn from.

    Freund and Schapire 1997; with K classes SAMME (Zhu et al. 2009), which is the same for two. A member no better than chance
    has no vote and moves no weight.
    """
    n, classes = len(members[0].id), members[0].classes
    weight, votes = np.full(n, 1 / n), []
    for member in members:
        error = float(np.clip(weight[~member.right].sum(), LEAST, 1 - LEAST))
        vote = max(0.0, (np.log((1 - error) / error) + np.log(classes - 1)) / 2)
        weight = weight * np.where(member.right, 1.0, np.exp(2 * vote))
        weight /= weight.sum()
        votes.append(vote)
    return Ballot(weight, np.array(votes))
