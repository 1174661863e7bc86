"""Examples that somebody has proposed for the report of an experiment, by the button on their page or in the list."""

from dataclasses import dataclass

from webapp.example_queries.search import Refused
from webapp.example_queries.view import View
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import Cast, Missing
from webapp.explorer.open_view import look
from webapp.notes import queries as notes
from webapp.notes.models import REPORT

MOST = 24
"""As many as a report can show."""

SHOWN = 80
"""Characters of a text."""


@dataclass(frozen=True)
class Proposal:
    example: int
    text: str


def proposals(experiment: Experiment) -> list[Proposal]:
    """The test examples of the experiment that have the tag, by id; none where the texts cannot be read now."""
    runs = experiment.runs.all()[:1]
    ids = notes.ids_with(runs[0].run_spec.fingerprint, [REPORT])[0] if runs else []
    if not ids:
        return []
    try:
        with look(Cast(experiment), View()) as found:
            inside = [example for example in sorted(ids) if found.slice.example(example)][:MOST]
            texts = found.slice.texts_by_id(inside, SHOWN)
    except (Missing, Refused):
        return []
    return [Proposal(example, texts[example]) for example in inside]
