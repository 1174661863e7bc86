"""What was stopped and evaluated as far as it was: a result that such runs are in is partial, and says so."""

from collections.abc import Sequence

from webapp.experiments.models import Part, Role
from webapp.findings.claims import Note
from webapp.findings.words import count


def partial(parts: Sequence[Part]) -> list[Note]:
    cut = [part for part in parts if part.run.spec.get("stop_at") is not None]
    if not cut:
        return []
    listed = "; ".join(
        f"{Role(part.role).label.lower()}, seed {part.run.spec['seed']}, at step {part.run.spec['stop_at']:,}" for part in cut
    )
    were = "was" if len(cut) == 1 else "were"
    text = (
        f"{count(len(cut), 'run')} of this result {were} stopped and evaluated before the end of the training, which may change "
        f"whatever is compared here: {listed}."
    )
    return [Note("Partial result", text)]
