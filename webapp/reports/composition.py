"""From an experiment and its author's choices to a result page."""

import json
from collections.abc import Sequence
from itertools import count as counting
from typing import Any

from django.contrib.auth.models import User

from training.metrics.results import Result
from training.redaction import renamed, without_folders
from webapp.charts.metrics import for_scripts
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.experiments.redaction import public_models
from webapp.findings.findings import Findings
from webapp.findings.pairs import PairLanes, pairs_of
from webapp.reports.choices import Choices
from webapp.reports.held_out import opened
from webapp.reports.highlights import shown
from webapp.reports.limitations import limitations
from webapp.reports.markdown import html
from webapp.reports.method_text import method
from webapp.reports.provenance import provenance
from webapp.reports.references import sources
from webapp.reports.refusal import Refused
from webapp.reports.report import Paper
from webapp.reports.sections import section
from webapp.reports.summary import summary


def compose(experiment: Experiment, choices: Choices, by: User, opened_before: Sequence[str] | None = None) -> Paper:
    """The page as of now. Raises Refused where there is nothing to show yet, or a highlight that cannot be shown.

    The locked test set is opened where the days are given on which it was opened before, and else stays closed.
    """
    found = findings(experiment)
    if not found:
        raise Refused("There is nothing to show yet: no seed has its supervisor, its student and its ceiling.")
    authors = choices.authors.strip()
    told = provenance(experiment, by, anonymous=bool(authors))
    figures, tables = counting(1), counting(1)
    claim, further = summary(found)
    overview = next(tables) if len(found) > 1 else None
    sections = tuple(section(one, choices.curves, figures, tables) for one in found)
    locked = None if opened_before is None else opened(experiment, found, next(tables), opened_before)
    paper = Paper(
        experiment=experiment.pk,
        name=experiment.name,
        title=choices.title.strip() or experiment.name,
        authors=authors or experiment.owner.get_full_name() or experiment.owner.get_username(),
        examples=choices.examples,
        claim=claim,
        further=further,
        overview=overview,
        sections=sections,
        locked=locked,
        highlights=shown(experiment, choices),
        notes=html(choices.notes),
        method=method(experiment, found),
        limitations=limitations(experiment, found, told, locked),
        provenance=told,
        sources=sources(experiment, found),
    )
    return _without_folders(paper, experiment)


def _without_folders(paper: Paper, experiment: Experiment) -> Paper:
    """Of an experiment of an earlier version, whose spec may name a local model by its path."""
    if "local:/" not in json.dumps(experiment.spec):
        return paper
    names = public_models(part.run for part in queries.parts(experiment))
    return Paper.model_validate(without_folders(renamed(paper.model_dump(), names)))


def findings(experiment: Experiment) -> list[Findings]:
    """Of every pair that has a complete seed, in the order of the spec."""
    if experiment.result is None:
        return []
    spec, result, parts = experiment.experiment_spec, Result.model_validate(experiment.result), list(queries.parts(experiment))
    lanes = [PairLanes(spec, pair, experiment.triplets, parts) for pair in pairs_of(spec)]
    return [one for one in (Findings(spec, result, each) for each in lanes) if one.any]


def stream(experiment: Experiment) -> dict[str, Any] | None:
    """What static/js/live.js needs to fill the curves of a live page's first pair; None where there are none."""
    found = findings(experiment)
    if not found:
        return None
    lanes = found[0].lanes
    return {"experiment": experiment.pk, "chart": f"curves-{lanes.pair.index}", "metrics": for_scripts(), "runs": lanes.drawn()}
