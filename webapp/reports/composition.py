"""The composition of a report from an experiment and its author's choices."""

import json
from collections.abc import Sequence
from itertools import count as counting
from typing import Any

from django.contrib.auth.models import User

from training.metrics.results import Result
from training.redaction import renamed, without_folders
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.experiments.redaction import public_models
from webapp.findings.findings import Findings
from webapp.findings.pairs import PairLanes, pairs_of
from webapp.imports import blind
from webapp.reports.choices import Choices
from webapp.reports.confusions import confused
from webapp.reports.held_out import opened
from webapp.reports.highlights import shown
from webapp.reports.limitations import limitations
from webapp.reports.markdown import html
from webapp.reports.method_text import method
from webapp.reports.provenance import provenance
from webapp.reports.references import sources
from webapp.reports.refusal import Refused
from webapp.reports.report import Report
from webapp.reports.sections import section
from webapp.reports.summary import summary


def compose(experiment: Experiment, choices: Choices, by: User, opened_before: Sequence[str] | None = None) -> Report:
    """Return the report as of now. Raises Refused if there is no result yet, or if a highlight cannot be shown.

    The locked test set is opened if ``opened_before`` is given: the days on which it was opened before, possibly none.
    """
    all_findings = findings(experiment)
    if not all_findings:
        raise Refused("There is nothing to show yet: no seed has its supervisor, its student and its ceiling.")
    if (choices.highlights or choices.examples == "all") and blind.owner_of(experiment.spec["data"]["name"]) is not None:
        raise Refused("The data set is blind: a report shows none of its examples. Choose no examples and no highlights.")
    authors = choices.authors.strip()
    origin = provenance(experiment, by, anonymous=bool(authors))
    figures, tables = counting(1), counting(1)
    claim, further = summary(all_findings)
    overview = next(tables) if len(all_findings) > 1 else None
    sections = tuple(section(each, choices.curves, figures, tables) for each in all_findings)
    locked = None if opened_before is None else opened(experiment, all_findings, next(tables), opened_before)
    confusions = confused(experiment, next(tables))
    report = Report(
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
        confused=confusions,
        highlights=shown(experiment, choices),
        notes=html(choices.notes),
        method=method(experiment, all_findings),
        limitations=limitations(experiment, all_findings, origin, locked),
        provenance=origin,
        sources=sources(experiment, all_findings),
    )
    return _without_folders(report, experiment)


def _without_folders(report: Report, experiment: Experiment) -> Report:
    """Return the report without paths of local models, which specs of earlier versions may contain."""
    if "local:/" not in json.dumps(experiment.spec):
        return report
    names = public_models(part.run for part in queries.parts(experiment))
    return Report.model_validate(without_folders(renamed(report.model_dump(), names)))


def findings(experiment: Experiment) -> list[Findings]:
    """Return the findings of every pair that has a complete seed, in the order of the spec."""
    if experiment.result is None:
        return []
    spec, result, parts = experiment.experiment_spec, Result.model_validate(experiment.result), list(queries.parts(experiment))
    lanes = [PairLanes(spec, pair, experiment.triplets, parts) for pair in pairs_of(spec)]
    every = [Findings(spec, result, pair_lanes) for pair_lanes in lanes]
    return [each for each in every if each.any]


def stream(experiment: Experiment) -> dict[str, Any] | None:
    """Return the data with which static/js/live.js fills the curves of the first pair of a live page; None without findings."""
    all_findings = findings(experiment)
    if not all_findings:
        return None
    lanes = all_findings[0].lanes
    wire = lanes.curves()
    for curves in wire["curves"].values():
        curves["start"] = 0  # visitors are told no times
    del wire["samples"], wire["unreadable"]
    return {"experiment": experiment.pk, "chart": f"curves-{lanes.pair.index}", **wire}
