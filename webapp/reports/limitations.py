"""The limitations of the results. No choice of the author can omit any of them."""

from collections.abc import Sequence

from training import catalog
from training.spec import warnings
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.findings import imported_notes
from webapp.findings.claims import Note
from webapp.findings.findings import Findings
from webapp.findings.partial import partial
from webapp.findings.test_set_uses import test_set_uses
from webapp.findings.wording import count, dataset_title
from webapp.reports.held_out import note
from webapp.reports.report import Locked, Provenance


def limitations(experiment: Experiment, pairs: Sequence[Findings], origin: Provenance, locked: Locked | None) -> tuple[Note, ...]:
    """In the order of how much they matter: what has no number, what is odd, what is missing, how far it reaches."""
    notes = [
        *partial(list(queries.parts(experiment)), pairs[0].result if pairs else None),
        *(about for pair in pairs for about in _of(pair, pair.unresolved, len(pairs) > 1)),
        *_without_result(experiment, pairs),
        *(about for pair in pairs for about in _of(pair, pair.notes, len(pairs) > 1)),
        *(Note("Not in the numbers", sentence) for sentence in origin.exclusions),
        *(Note("Asked for knowingly", problem.message) for problem in warnings(experiment.experiment_spec)),
        *_reach(experiment, pairs),
        test_set_uses(experiment),
        note(experiment, locked),
        Note(
            "Hindsight",
            "No result here is of a step chosen by test accuracy. Curves show test accuracy; nothing was chosen by it.",
        ),
    ]
    notes += imported_notes.notes(experiment)
    if not experiment.ended_at:
        notes.append(Note("Not at rest", "Runs of this experiment are at work: its numbers are not the last."))
    first = {pair.text: pair for pair in reversed(notes)}
    return tuple(pair for pair in notes if first[pair.text] is pair)


def _of(pair: Findings, notes: Sequence[Note], several: bool) -> list[Note]:
    """The notes; those of one of several pairs say of which."""
    about = f"{pair.pair.title}: " if several else ""
    data = set(pair.result.data_warnings)
    return [Note(note.title.rstrip("."), note.text if note.text in data else about + note.text) for note in notes]


def _without_result(experiment: Experiment, pairs: Sequence[Findings]) -> list[Note]:
    spec = experiment.experiment_spec
    requested = len(spec.weak.models) * len(spec.strong.models)
    missing = requested - len(pairs)
    if not missing:
        return []
    return [Note("Pairs without a result", f"Of {count(missing, 'pair')} of the {requested} asked for no seed is complete.")]


def _reach(experiment: Experiment, pairs: Sequence[Findings]) -> list[Note]:
    spec = experiment.experiment_spec
    data = dataset_title(spec.data.name)
    which = "one pair of models" if len(pairs) == 1 else f"{len(pairs)} pairs of models"
    notes = [Note("One data set", f"{data}, with {which}: how other data, tasks or sizes would come out is not known from this.")]
    strong = [entry for name in spec.strong.models if (entry := catalog.known_model(name))]
    if any(entry.layers is not None for entry in strong):
        text = (
            "The strong model was pretrained on text that may be about the same things, as any such model is: the ceiling is "
            "what it reaches with this training and this much data, not what it could reach."
        )
        notes.append(Note("Pretraining", text))
    notes.append(
        Note("One split", "All seeds share one test set: other test examples are covered by the intervals, other tests are not.")
    )
    return notes
