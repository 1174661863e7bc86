"""Runs that were stopped and evaluated as far as they had trained: a result that such runs are in is partial, and says so."""

from collections.abc import Sequence

from training.metrics.results import Result
from webapp.experiments.models import Part, Role
from webapp.findings.claims import Note
from webapp.findings.wording import count, lower

LISTED = 10
"""Runs that are named; of more it is said how many there are."""


def partial(parts: Sequence[Part], result: Result | None) -> list[Note]:
    """One note, of the shortened runs that a number of the result rests on; none where there is no such run."""
    used = _used(result) if result else set()
    cut = [part for part in parts if part.run.spec.get("stop_at") is not None and part.run.key in used]
    if not cut:
        return []
    listed = "; ".join(map(_named, cut[:LISTED]))
    if len(cut) > LISTED:
        listed = f"{listed}; and {count(len(cut) - LISTED, 'more run')}"
    were = "was" if len(cut) == 1 else "were"
    text = (
        f"{count(len(cut), 'run')} of this result {were} stopped and evaluated before the end of the training, which may change "
        f"whatever is compared here: {listed}."
    )
    return [Note("Partial result", text)]


def _used(result: Result) -> set[str]:
    """Keys of the runs of every complete seed, and of the students that methods are compared by, which need no ceiling."""
    compared = {(one.weak_model, one.strong_model, seed) for one in result.contrasts for seed in one.seeds}
    keys = set()
    for one in result.triplets:
        if not one.missing:
            keys |= {one.weak_run, one.student_run, one.ceiling_run}
        elif one.student is not None and (one.weak_model, one.strong_model, one.seed) in compared:
            keys.add(one.student_run)
    return keys


def _named(part: Part) -> str:
    spec = part.run.spec
    return f"{lower(Role(part.role).label)}, seed {spec['seed']}, at step {spec['stop_at']:,}"
