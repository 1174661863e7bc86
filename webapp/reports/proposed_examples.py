"""Examples that users have proposed for the report of an experiment, by the button on their page or in the list."""

from dataclasses import dataclass

from webapp.example_queries.refusal import Refused
from webapp.example_queries.view import View
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import open_view
from webapp.notes import queries as notes
from webapp.notes.models import REPORT

MOST = 24
"""Most examples that a report shows."""

SHOWN = 80
"""Characters of a text."""


@dataclass(frozen=True)
class ProposedExample:
    example: int
    text: str


def proposed_examples(experiment: Experiment) -> list[ProposedExample]:
    """Return the tagged test examples of the experiment by id; none if the texts cannot be read now."""
    runs = experiment.runs.all()[:1]
    ids = notes.ids_with(runs[0].run_spec.fingerprint, [REPORT])[0] if runs else []
    if not ids:
        return []
    try:
        with open_view(FinishedModels(experiment), View()) as opened:
            inside = [example for example in sorted(ids) if opened.slice.example(example)][:MOST]
            texts = opened.slice.texts_by_id(inside, SHOWN)
    except (Missing, Refused):
        return []
    return [ProposedExample(example, texts[example]) for example in inside]
