"""Answers of runs that train nothing: the majority of other runs, or a prompted model."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from training.engine.errors import EngineError
from training.engine.generation.extraction import texts
from training.events import EvaluationLogged, Event, RunStarted
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.written_answers import NO_ANSWER, WrittenAnswers, WrittenTrajectory


def write_derived_answers(
    run: RunSpec, store: Store, started: RunStarted, emit: Callable[[Event], None], write: Callable[[], WrittenAnswers]
) -> None:
    """Write the answers that ``write`` returns to ``store``, with a trajectory of one step that starts without any."""
    emit(started)
    answers = write()
    test = answers.part("test")
    trajectory = WrittenTrajectory(
        steps=np.array([0, 1]),
        id=test.id,
        answer=np.stack([texts([NO_ANSWER] * len(test.id)), test.answer]),
        right=np.stack([np.zeros(len(test.id), bool), test.right]),
        validation=np.array([np.nan, np.nan]),
        selected=1,
    )
    for step in trajectory.steps.tolist():
        emit(EvaluationLogged(step=step, accuracy=float(trajectory.right_at(step).mean())))
    store.write_trajectory(run.key(), trajectory)
    store.write_run(run)
    store.write_predictions(run.key(), answers)


def derived_answers(run: RunSpec, store: Store) -> WrittenAnswers:
    """Return the answers of the majority of the run's members. Raises EngineError where one has not finished."""
    members = []
    for key in run.members:
        try:
            members.append(store.read_answers(key))
        except FileNotFoundError:
            raise EngineError(f"The run {key[:12]}, which this one is made of, has left no answers.") from None
    return majority(members)


def majority(members: list[WrittenAnswers]) -> WrittenAnswers:
    """Return the answer that most ``members`` give to each example, in the words of the one that is most certain of it.

    Of answers with equally many votes the one that a member gives the largest probability wins. The log-probability is that of
    the share of votes. Members that gave no answer vote for none.
    """
    first = members[0]
    answer = np.stack([member.answer for member in members])
    certainty = np.stack([member.log_probability for member in members])
    chosen, votes = np.zeros(len(first.id), np.int64), np.ones(len(first.id))
    for row in range(len(first.id)):
        counts = Counter(text for text in answer[:, row] if text != NO_ANSWER)
        most = max(counts.values(), default=1)
        wins = [place for place, text in enumerate(answer[:, row]) if counts.get(text, 0) == most or not counts]
        chosen[row], votes[row] = max(wins, key=lambda place: (certainty[place, row], -place)), most

    def of_chosen(name: str) -> npt.NDArray[np.generic]:
        stacked = np.stack([getattr(member, name) for member in members])
        picked: npt.NDArray[np.generic] = stacked[chosen, np.arange(len(chosen))]
        return picked

    return WrittenAnswers(
        id=first.id,
        split=first.split,
        group=first.group,
        gold=first.gold,
        text=of_chosen("text"),
        answer=of_chosen("answer"),
        log_probability=np.log(votes / len(members)).astype(np.float32),
        ended=of_chosen("ended").astype(bool),
        right=of_chosen("right").astype(bool),
        difficulty=first.difficulty,
    )
