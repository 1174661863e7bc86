"""Runs that were stopped and evaluated before the end of training, and the note on a result that includes them."""

from collections.abc import Sequence

from training.metrics.results import Result
from webapp.experiments.models import Part, Role
from webapp.findings.claims import Note
from webapp.findings.wording import count, lower

LISTED = 10
"""Most runs that are named; further ones are counted."""


def partial(parts: Sequence[Part], result: Result | None) -> list[Note]:
    """Return one note about the shortened runs that the result includes, or none."""
    used = _used(result) if result else set()
    cut = [part for part in parts if part.run.spec.get("stop_at") is not None and part.run.key in used]
    if not cut:
        return []
    listed = "; ".join(map(_named, cut[:LISTED]))
    if len(cut) > LISTED:
        listed = f"{listed}; and {count(len(cut) - LISTED, 'more run')}"
    were = "was" if len(cut) == 1 else "were"
    text = (
        f"{count(len(cut), 'run')} of this result {were} stopped and evaluated before the end of training, which may change "
        f"every comparison here: {listed}."
    )
    return [Note("Partial result", text)]


def _used(result: Result) -> set[str]:
    """Return the keys of the runs of complete seeds, and of the students in comparisons of methods, which need no ceiling."""
    compared = {(row.weak_model, row.strong_model, seed) for row in result.contrasts for seed in row.seeds}
    keys = set()
    for row in result.triplets:
        if not row.missing:
            keys |= {row.weak_run, row.student_run, row.ceiling_run}
        elif row.student is not None and (row.weak_model, row.strong_model, row.seed) in compared:
            keys.add(row.student_run)
    return keys


def _named(part: Part) -> str:
    spec = part.run.spec
    return f"{lower(Role(part.role).label)}, seed {spec['seed']}, at step {spec['stop_at']:,}"
