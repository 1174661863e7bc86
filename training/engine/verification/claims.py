"""Verification of a run's events by computing their numbers again from its predictions."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from training.engine.targets.supervisor_labels import share
from training.events import EvaluationLogged, RunFailed, RunFinished, RunQueued, RunStarted, RunStopped, RunWaiting, Told
from training.spec import RunSpec
from training.storage.predictions import Predictions, Trajectory, earliest_best, labels_of

LARGEST_NUMBER, LARGEST_ATTEMPT = 2**63 - 1, 2**31 - 1
LONGEST_WORDS = {"worker": 200, "device": 100, "phase": 40}
CLOSE = 1e-9


@dataclass
class Course:
    """The valid part of a run's events: evaluations that no later attempt has voided, and the end of the last attempt."""

    evaluations: list[EvaluationLogged] = field(default_factory=list)
    end: RunFinished | RunFailed | RunStopped | None = None
    problems: list[str] = field(default_factory=list)


def course_of(told: Iterable[Told]) -> Course:
    """Read the events once and return the valid part. A value that no database can store is a problem."""
    found, last, attempt = Course(), 0, 0
    for one in told:
        if one.seq != last + 1:
            found.problems.append(f"Of its events number {last + 1} is missing.")
            return found
        if not attempt <= one.attempt <= LARGEST_ATTEMPT or not all(map(_storable, _values(one.event))):
            found.problems.append(f"Its event number {one.seq} has a value that cannot be stored.")
            return found
        last, attempt = one.seq, one.attempt
        match one.event:
            case RunStarted():
                found.evaluations = [seen for seen in found.evaluations if seen.step <= one.event.resumed_from]
            case EvaluationLogged():
                found.evaluations.append(one.event)
            case RunFinished() | RunFailed() | RunStopped():
                found.end = one.event
            case RunWaiting() | RunQueued():
                found.end = None
    if found.end is None:
        found.problems.append("Its events do not tell of its end.")
    return found


def _values(event: Any) -> Iterator[tuple[str, Any]]:
    yield from event.model_dump().items()


def _storable(named: tuple[str, Any]) -> bool:
    name, value = named
    if isinstance(value, str):
        return len(value) <= LONGEST_WORDS.get(name, LARGEST_NUMBER)
    return not isinstance(value, int) or isinstance(value, bool) or 0 <= value <= LARGEST_NUMBER


def judge(run: RunSpec, course: Course, said: Predictions, path: Trajectory, supervisor: Predictions | None) -> Iterator[str]:
    """Yield a sentence for each event of a finished run that its predictions ``said`` or trajectory ``path`` contradict.

    ``supervisor`` are the predictions of the run that labelled for it.
    """
    if not isinstance(course.end, RunFinished):
        yield "It has predictions, and its events do not tell that it has finished."
        return
    test = said.part("test")
    if run.reads:
        if len(said.id) or len(path.id) or course.end.accuracy is not None:
            yield "It learned texts, of which nothing is predicted."
        return
    place = _places(test.id, path.id)
    if not len(test.id) or not len(path.id) or place is None:
        yield "Its trajectory is of other examples than its test predictions."
        return
    gold = test.gold[place]
    yield from _selection(run, path, test.prob[place])
    yield from _end(course.end, path, test, gold)
    taught = None
    if supervisor is not None and not run.derives:
        judged = supervisor.part("test")
        found = _places(judged.id, path.id)
        if found is None:
            yield "The run that labelled for it says nothing of its test examples."
            return
        taught = judged.label[found]
    for event in course.evaluations:
        yield from _evaluation(event, path, gold, taught)


def _selection(run: RunSpec, path: Trajectory, prob: npt.NDArray[np.float32]) -> Iterator[str]:
    """Yield a problem unless the predictions are those of the selected step, and the stop rule selects that step."""
    if not np.allclose(path.at(path.selected), prob, rtol=0, atol=1e-4):
        yield f"Its predictions are not those of step {path.selected}, which its trajectory has selected."
    rule = path.last
    if run.stop == "validation" and not run.derives and np.isfinite(path.validation).all() and (path.steps > 0).any():
        rule = earliest_best(path.steps, path.validation)
    if path.selected != rule:
        yield f"Its stop rule selects step {rule}, and its trajectory says {path.selected}."


def _end(end: RunFinished, path: Trajectory, test: Predictions, gold: npt.NDArray[np.int8]) -> Iterator[str]:
    told: dict[str, tuple[float | None, float | None]] = {
        "accuracy": (end.accuracy, float(test.right.mean())),
        "selected step": (end.selected_step, path.selected),
        "last step": (end.last_step, path.last),
        "accuracy at the last step": (end.last_accuracy, path.accuracy(path.last, gold)),
    }
    if (path.steps > 0).any():
        best = path.hindsight(gold)
        told["best step by hindsight"] = (end.hindsight_step, best)
        told["accuracy by hindsight"] = (end.hindsight_accuracy, path.accuracy(best, gold))
    told["number of watched examples"] = (end.watched, len(gold) if len(gold) < len(test.gold) else None)
    yield from _compare("at its end", told)


def _evaluation(
    event: EvaluationLogged, path: Trajectory, gold: npt.NDArray[np.int8], taught: npt.NDArray[np.int8] | None
) -> Iterator[str]:
    at = np.flatnonzero(path.steps == event.step)
    if not len(at):
        yield f"It tells of an evaluation at step {event.step}, which its trajectory does not have."
        return
    label, validation = labels_of(path.prob[at[0]]), float(path.validation[at[0]])
    told: dict[str, tuple[float | None, float | None]] = {
        "accuracy": (event.accuracy, float((label == gold).mean())),
        "validation accuracy": (event.validation_accuracy, None if math.isnan(validation) else validation),
    }
    if taught is None:
        nothing = dict.fromkeys(("agreement", "agreement_right", "agreement_wrong"))
        told |= {name.replace("_", " "): (getattr(event, name), value) for name, value in nothing.items()}
    else:
        same, right = label == taught, taught == gold
        told |= {
            "agreement": (event.agreement, share(same)),
            "agreement where it is right": (event.agreement_right, share(same[right])),
            "agreement where it is wrong": (event.agreement_wrong, share(same[~right])),
        }
    yield from _compare(f"at step {event.step}", told)


def _compare(when: str, told: dict[str, tuple[float | None, float | None]]) -> Iterator[str]:
    for name, (said, computed) in told.items():
        same = (
            said == computed if said is None or computed is None else math.isclose(said, computed, rel_tol=CLOSE, abs_tol=CLOSE)
        )
        if not same:
            yield f"Its {name} {when} is said to be {said}, and its predictions give {computed}."


def _places(ids: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Return the position in ``ids`` of each of ``wanted``; None where one is missing."""
    order = np.argsort(ids, kind="stable")
    found = np.searchsorted(ids, wanted, sorter=order)
    if len(wanted) and (not len(ids) or found.max() >= len(ids) or not np.array_equal(ids[order[found]], wanted)):
        return None
    return order[found] if len(wanted) else found
