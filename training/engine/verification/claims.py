"""Verification of a run's events by computing their numbers again from its predictions."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from training.engine.targets.supervisor_labels import share
from training.events import EvaluationLogged, EventRecord, RunFailed, RunFinished, RunQueued, RunStarted, RunStopped, RunWaiting
from training.spec import RunSpec
from training.storage.predictions import Predictions, Trajectory, earliest_best
from training.storage.probabilities import Labels, drawn

LARGEST_NUMBER, LARGEST_ATTEMPT = 2**63 - 1, 2**31 - 1
LONGEST_WORDS = {"worker": 200, "device": 100, "phase": 40}
CLOSE = 1e-9


@dataclass
class ValidEvents:
    """The valid part of a run's events: evaluations that no later attempt has voided, and the end of the last attempt."""

    evaluations: list[EvaluationLogged] = field(default_factory=list)
    end: RunFinished | RunFailed | RunStopped | None = None
    problems: list[str] = field(default_factory=list)


def valid_events(records: Iterable[EventRecord]) -> ValidEvents:
    """Read the events once and return the valid part. A value that no database can store is a problem."""
    valid, last, attempt = ValidEvents(), 0, 0
    for record in records:
        if record.seq != last + 1:
            valid.problems.append(f"Of its events number {last + 1} is missing.")
            return valid
        if not attempt <= record.attempt <= LARGEST_ATTEMPT or not all(map(_storable, _values(record.event))):
            valid.problems.append(f"Its event number {record.seq} has a value that cannot be stored.")
            return valid
        last, attempt = record.seq, record.attempt
        match record.event:
            case RunStarted():
                valid.evaluations = [earlier for earlier in valid.evaluations if earlier.step <= record.event.resumed_from]
            case EvaluationLogged():
                valid.evaluations.append(record.event)
            case RunFinished() | RunFailed() | RunStopped():
                valid.end = record.event
            case RunWaiting() | RunQueued():
                valid.end = None
    if valid.end is None:
        valid.problems.append("Its events do not tell of its end.")
    return valid


def _values(event: Any) -> Iterator[tuple[str, Any]]:
    yield from event.model_dump().items()


def _storable(named: tuple[str, Any]) -> bool:
    name, value = named
    if isinstance(value, str):
        return len(value) <= LONGEST_WORDS.get(name, LARGEST_NUMBER)
    return not isinstance(value, int) or isinstance(value, bool) or 0 <= value <= LARGEST_NUMBER


def contradictions(
    run: RunSpec, events: ValidEvents, predictions: Predictions, trajectory: Trajectory, supervisor: Predictions | None
) -> Iterator[str]:
    """Yield a sentence for each event of a finished run that its ``predictions`` or its ``trajectory`` contradict.

    ``supervisor`` are the predictions of the run that labelled for it.
    """
    if not isinstance(events.end, RunFinished):
        yield "It has predictions, and its events do not tell that it has finished."
        return
    test = predictions.part("test")
    if run.reads:
        if len(predictions.id) or len(trajectory.id) or events.end.accuracy is not None:
            yield "It learned texts, of which nothing is predicted."
        return
    place = places(test.id, trajectory.id)
    if not len(test.id) or not len(trajectory.id) or place is None:
        yield "Its trajectory is of other examples than its test predictions."
        return
    gold = test.gold[place]
    yield from _selection(run, trajectory, test.take(place))
    yield from _end(events.end, trajectory, test, gold)
    supervisor_label = None
    if supervisor is not None and not run.derives:
        supervisor_test = supervisor.part("test")
        at = places(supervisor_test.id, trajectory.id)
        if at is None:
            yield "The run that labelled for it says nothing of its test examples."
            return
        supervisor_label = supervisor_test.label[at]
    for event in events.evaluations:
        yield from _evaluation(event, trajectory, gold, supervisor_label)


def _selection(run: RunSpec, trajectory: Trajectory, test: Predictions) -> Iterator[str]:
    """Yield a problem unless the predictions are those of the selected step, and the stop rule selects that step."""
    selected = trajectory.selected
    same = np.allclose(trajectory.at(selected), drawn(test.prob, test.gold), rtol=0, atol=1e-4)
    # Two classes have no labels of their own, and those of equally probable ones may differ by rounding.
    if not same or (trajectory.labels is not None and not np.array_equal(trajectory.label_at(selected), test.label)):
        yield f"Its predictions are not those of step {trajectory.selected}, which its trajectory has selected."
    known = np.isfinite(trajectory.validation).all() and (trajectory.steps > 0).any()
    best = earliest_best(trajectory.steps, trajectory.validation) if known else None
    yield from stop_rule(run, trajectory.last, trajectory.selected, best)


def stop_rule(run: RunSpec, last: int, selected: int, best: int | None) -> Iterator[str]:
    """Yield a problem unless the stop rule selects the step ``selected``; ``best`` is that of the validation, if known."""
    rule = best if run.stop == "validation" and not run.derives and best is not None else last
    if selected != rule:
        yield f"Its stop rule selects step {rule}, and its trajectory says {selected}."


def _end(end: RunFinished, trajectory: Trajectory, test: Predictions, gold: Labels) -> Iterator[str]:
    claims: dict[str, tuple[float | None, float | None]] = {
        "accuracy": (end.accuracy, float(test.right.mean())),
        "selected step": (end.selected_step, trajectory.selected),
        "last step": (end.last_step, trajectory.last),
        "accuracy at the last step": (end.last_accuracy, trajectory.accuracy(trajectory.last, gold)),
    }
    if (trajectory.steps > 0).any():
        best = trajectory.hindsight(gold)
        claims["best step by hindsight"] = (end.hindsight_step, best)
        claims["accuracy by hindsight"] = (end.hindsight_accuracy, trajectory.accuracy(best, gold))
    claims["number of watched examples"] = (end.watched, len(gold) if len(gold) < len(test.gold) else None)
    yield from compare("at its end", claims)


def _evaluation(event: EvaluationLogged, trajectory: Trajectory, gold: Labels, supervisor_label: Labels | None) -> Iterator[str]:
    at = np.flatnonzero(trajectory.steps == event.step)
    if not len(at):
        yield f"It tells of an evaluation at step {event.step}, which its trajectory does not have."
        return
    label, validation = trajectory.label[at[0]], float(trajectory.validation[at[0]])
    claims: dict[str, tuple[float | None, float | None]] = {
        "accuracy": (event.accuracy, float((label == gold).mean())),
        "validation accuracy": (event.validation_accuracy, None if math.isnan(validation) else validation),
    }
    if supervisor_label is None:
        nothing = dict.fromkeys(("agreement", "agreement_right", "agreement_wrong"))
        claims |= {name.replace("_", " "): (getattr(event, name), value) for name, value in nothing.items()}
    else:
        same, right = label == supervisor_label, supervisor_label == gold
        claims |= {
            "agreement": (event.agreement, share(same)),
            "agreement where it is right": (event.agreement_right, share(same[right])),
            "agreement where it is wrong": (event.agreement_wrong, share(same[~right])),
        }
    yield from compare(f"at step {event.step}", claims)


def compare(when: str, claims: dict[str, tuple[float | None, float | None]]) -> Iterator[str]:
    for name, (claimed, computed) in claims.items():
        same = (
            claimed == computed
            if claimed is None or computed is None
            else math.isclose(claimed, computed, rel_tol=CLOSE, abs_tol=CLOSE)
        )
        if not same:
            yield f"Its {name} {when} is said to be {claimed}, and its predictions give {computed}."


def places(ids: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Return the position in ``ids`` of each of ``targets``; None where one is missing."""
    order = np.argsort(ids, kind="stable")
    places = np.searchsorted(ids, targets, sorter=order)
    if len(targets) and (not len(ids) or places.max() >= len(ids) or not np.array_equal(ids[order[places]], targets)):
        return None
    return order[places] if len(targets) else places
