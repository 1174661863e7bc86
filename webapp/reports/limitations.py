"""The limitations of the results. No choice of the author can omit any of them."""

from collections.abc import Sequence

from training import catalog
from training.spec import warnings
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.findings import from_outside, imported_notes
from webapp.findings.claims import Note
from webapp.findings.findings import Findings
from webapp.findings.partial import partial
from webapp.findings.test_set_uses import test_set_uses
from webapp.findings.wording import count, dataset_title
from webapp.reports.held_out import locked_note
from webapp.reports.report import Locked, Provenance


def limitations(
    experiment: Experiment, all_findings: Sequence[Findings], origin: Provenance, locked: Locked | None
) -> tuple[Note, ...]:
    """Return the limitations, the most important first: missing PGRs, warnings, missing runs, then the scope of the results."""
    notes = [
        *partial(list(queries.parts(experiment)), all_findings[0].result if all_findings else None),
        *(about for findings in all_findings for about in _of(findings, findings.unresolved, len(all_findings) > 1)),
        *_without_result(experiment, all_findings),
        *(about for findings in all_findings for about in _of(findings, findings.notes, len(all_findings) > 1)),
        *(Note("Not in the numbers", sentence) for sentence in origin.exclusions),
        *(Note("Chosen despite a warning", problem.message) for problem in warnings(experiment.experiment_spec)),
        *from_outside.notes(experiment),
        *_reach(experiment, all_findings),
        test_set_uses(experiment),
        locked_note(experiment, locked),
        Note(
            "Hindsight",
            "No result here uses a step chosen by test accuracy. Curves show test accuracy, but no choice was based on it.",
        ),
    ]
    notes += imported_notes.notes(experiment)
    if not experiment.ended_at:
        notes.append(Note("Not finished", "Runs of this experiment are in progress, so its numbers may still change."))
    first = {note.text: note for note in reversed(notes)}
    return tuple(note for note in notes if first[note.text] is note)


def _of(findings: Findings, notes: Sequence[Note], several: bool) -> list[Note]:
    """Return the notes; with several pairs each names its pair."""
    about = f"{findings.pair.title}: " if several else ""
    data = set(findings.result.data_warnings)
    return [Note(note.title.rstrip("."), note.text if note.text in data else about + note.text) for note in notes]


def _without_result(experiment: Experiment, all_findings: Sequence[Findings]) -> list[Note]:
    spec = experiment.experiment_spec
    requested = len(spec.weak.models) * len(spec.strong.models)
    missing = requested - len(all_findings)
    if not missing:
        return []
    return [
        Note(
            "Pairs without a result",
            f"{count(missing, 'pair')} of {requested} {'has' if missing == 1 else 'have'} no complete seed.",
        )
    ]


def _reach(experiment: Experiment, all_findings: Sequence[Findings]) -> list[Note]:
    spec = experiment.experiment_spec
    data = dataset_title(spec.data.name)
    which = "one pair of models" if len(all_findings) == 1 else f"{len(all_findings)} pairs of models"
    notes = [Note("One data set", f"{data}, with {which}: the results need not hold for other data, tasks or sizes.")]
    strong = [entry for name in spec.strong.models if (entry := catalog.known_model(name))]
    if any(entry.layers is not None for entry in strong):
        corpus = "images" if any(entry.kind == "vision" for entry in strong) else "text"
        text = (
            f"Like any such model, the strong model was pretrained on {corpus} that may cover the task: the ceiling is what it "
            "reaches with this training and this amount of data, not the best that it could reach."
        )
        notes.append(Note("Pretraining", text))
    notes.append(
        Note(
            "One split", "All seeds share one test set: the intervals cover the choice of its examples, but not other test sets."
        )
    )
    return notes
