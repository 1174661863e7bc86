"""What a reader has to know before believing the page. Nothing that an author chooses can leave any of it out."""

from collections.abc import Sequence

from training import catalog
from training.spec import warnings
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.findings import imported_notes
from webapp.findings.claims import Note
from webapp.findings.findings import Findings
from webapp.findings.partial import partial
from webapp.findings.test_set_uses import looks
from webapp.findings.wording import count, dataset_title
from webapp.reports.held_out import note
from webapp.reports.report import Locked, Provenance


def limitations(experiment: Experiment, found: Sequence[Findings], told: Provenance, locked: Locked | None) -> tuple[Note, ...]:
    """In the order of how much they matter: what has no number, what is odd, what is missing, how far it reaches."""
    notes = [
        *partial(list(queries.parts(experiment)), found[0].result if found else None),
        *(about for one in found for about in _of(one, one.unresolved, len(found) > 1)),
        *_without_result(experiment, found),
        *(about for one in found for about in _of(one, one.notes, len(found) > 1)),
        *(Note("Not in the numbers", sentence) for sentence in told.exclusions),
        *(Note("Asked for knowingly", problem.message) for problem in warnings(experiment.experiment_spec)),
        *_reach(experiment, found),
        looks(experiment),
        note(experiment, locked),
        Note(
            "Hindsight",
            "No result here is of a step chosen by test accuracy. Curves show test accuracy; nothing was chosen by it.",
        ),
    ]
    notes += imported_notes.notes(experiment)
    if not experiment.ended_at:
        notes.append(Note("Not at rest", "Runs of this experiment are at work: its numbers are not the last."))
    first = {one.text: one for one in reversed(notes)}
    return tuple(one for one in notes if first[one.text] is one)


def _of(one: Findings, notes: Sequence[Note], several: bool) -> list[Note]:
    """The notes; those of one of several pairs say of which."""
    about = f"{one.pair.title}: " if several else ""
    data = set(one.result.data_warnings)
    return [Note(note.title.rstrip("."), note.text if note.text in data else about + note.text) for note in notes]


def _without_result(experiment: Experiment, found: Sequence[Findings]) -> list[Note]:
    spec = experiment.experiment_spec
    asked = len(spec.weak.models) * len(spec.strong.models)
    missing = asked - len(found)
    if not missing:
        return []
    return [Note("Pairs without a result", f"Of {count(missing, 'pair')} of the {asked} asked for no seed is complete.")]


def _reach(experiment: Experiment, found: Sequence[Findings]) -> list[Note]:
    spec = experiment.experiment_spec
    data = dataset_title(spec.data.name)
    which = "one pair of models" if len(found) == 1 else f"{len(found)} pairs of models"
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
