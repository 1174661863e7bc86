"""Results under other stop rules: students at their last step, at the selected one, and at the best one by hindsight."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from training.base_models import Frozen
from training.metrics.agreement import Accuracy, Clusters, Rights, State, accuracy, state_of
from training.metrics.intervals import Estimate, combination, measure, ratio
from training.storage.written_answers import Course, WrittenTrajectory


class Stop(Frozen):
    """Students under one stop rule; supervisors and ceilings are those of the result under every rule.

    ``steps`` and the accuracies per seed are in the order of the group's seeds. ``pgr`` is None unless the state is ok. Where
    ``hindsight`` is true the steps were chosen by their accuracy on the test set: a diagnosis and no result.
    """

    hindsight: bool
    steps: tuple[int, ...]
    accuracy: Accuracy
    state: State
    pgr: Estimate | None


class Stops(Frozen):
    """The three stop rules of Burns et al. (2023, section 5.1.1). ``overfitting`` is hindsight - selected, in accuracy.

    All is computed on the ``watched`` test examples that the students were evaluated on during training, None for all of them.
    """

    last: Stop
    selected: Stop
    hindsight: Stop
    overfitting: Estimate
    watched: int | None = None


RULES = ("last", "selected", "hindsight")


class StoppedStudent(NamedTuple):
    """One student under each of RULES: its step, and its correctness there on each test example that it watched.

    ``watched`` (n,) says which of the test examples these are; ``right`` (rules, watched) is in the order of their ids.
    """

    steps: tuple[int, ...]
    watched: npt.NDArray[np.bool_]
    right: Rights


def stopped_student(trajectory: Course, ids: npt.NDArray[np.int64], gold: npt.NDArray[Any]) -> StoppedStudent:
    """Return the student under each rule. ``ids`` (n,) ascend and ``gold`` is theirs. Raises ValueError for other examples."""
    order, watched = np.argsort(trajectory.id, kind="stable"), np.isin(ids, trajectory.id)
    if not np.array_equal(trajectory.id[order], ids[watched]):
        raise ValueError("A run's trajectory is of other examples than its predictions.")
    if isinstance(trajectory, WrittenTrajectory):
        steps = (trajectory.last, trajectory.selected, trajectory.hindsight)
        return StoppedStudent(steps, watched, np.stack([trajectory.right_at(step)[order] for step in steps]))
    own = np.empty(len(order), gold.dtype)
    own[order] = gold[watched]
    steps = (trajectory.last, trajectory.selected, trajectory.hindsight(own))
    right = np.stack([trajectory.label_at(step)[order] == gold[watched] for step in steps])
    return StoppedStudent(steps, watched, right)


def stops_of(right: Rights, students: Sequence[StoppedStudent], clusters: Clusters) -> Stops:
    """Return the stop rules. ``right`` (2, seeds, examples) is of supervisors and ceilings; ``students`` has one per seed."""
    watched = students[0].watched  # equal for all: they share the test set and the length of training
    table = np.concatenate([right[..., watched], np.stack([student.right for student in students], axis=1)])
    spread = measure(table, clusters[watched])
    weak, ceiling = accuracy(spread, table, 0), accuracy(spread, table, 1)
    gap = (-1, 1, 0, 0, 0)

    def stop(index: int) -> Stop:
        gain = [-1, 0, *(float(index == other) for other in range(len(RULES)))]
        pgr = ratio(spread, gain, gap)
        state, _ = state_of(weak, ceiling, combination(spread, gap), pgr)
        return Stop(
            hindsight=RULES[index] == "hindsight",
            steps=tuple(student.steps[index] for student in students),
            accuracy=accuracy(spread, table, 2 + index),
            state=state,
            pgr=pgr if state == "ok" else None,
        )

    last, selected, hindsight = map(stop, range(len(RULES)))
    return Stops(
        last=last,
        selected=selected,
        hindsight=hindsight,
        overfitting=combination(spread, (0, 0, 0, -1, 1)),
        watched=None if watched.all() else int(watched.sum()),
    )
