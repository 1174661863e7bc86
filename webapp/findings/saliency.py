"""The salience of a task in a student: linear probes on its features before and after it learned from weak labels."""

from collections.abc import Sequence

from training.metrics.diagnostics import Range, over_seeds
from training.metrics.results import Outcome
from training.spec import GROUND_TRUTH
from webapp.experiments.models import Part, Role, Run, Status


def saliency(parts: Sequence[Part], outcomes: Sequence[Outcome]) -> tuple[Range, Range] | None:
    """Return the accuracies of the probes before and after training by one method, over seeds with both; None without any."""
    probes = [part.run for part in parts if part.role == Role.FURTHER and part.run.spec["adaptation"] == "probe"]
    finished = [(run, run.accuracy) for run in probes if run.status == Status.FINISHED and run.accuracy is not None]
    after = {run.spec["features_of"]: accuracy for run, accuracy in finished if run.spec.get("features_of")}
    before = {(run.spec["model"], run.spec["seed"]): accuracy for run, accuracy in finished if _untouched(run)}
    places = [((outcome.strong_model, outcome.seed), outcome.student_run) for outcome in outcomes]
    known = [(before[model], after[student]) for model, student in places if model in before and student in after]
    if not known:
        return None
    firsts, seconds = zip(*known, strict=True)
    return over_seeds(firsts), over_seeds(seconds)


def _untouched(run: Run) -> bool:
    return run.spec.get("features_of") is None and (run.spec["labels"], run.spec["half"]) == (GROUND_TRUTH, "B")
