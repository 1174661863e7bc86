"""Earlier uses of a test set in the laboratory: an experiment after the first was not blind to it."""

import json
from typing import Any

from django.db.models import Subquery

from webapp.experiments.listing_models import ExperimentFacet, Facet
from webapp.experiments.models import Experiment
from webapp.findings.claims import Note
from webapp.findings.wording import count

TITLE = "Uses of the test set"

MOST = 1000
"""Experiments that are read, the newest on the data set: their number does not grow with the laboratory."""

DRAWS = ("name", "split_seed", "test_fraction")
"""Settings of the data that decide the test examples."""


def test_set_uses(experiment: Experiment) -> Note:
    """Return a note on the number of experiments launched on the same examples, and of their settings of students."""
    launched, least = _launched_on(experiment.spec["data"]["name"])
    specs = [spec for spec in launched if _draw(spec) == _draw(experiment.spec)]
    if len(specs) <= 1 and not least:
        return Note(TITLE, "No other experiment of this laboratory was tested on the same examples.")
    tried = len(set().union(*map(_students, specs)))
    of = f"Of the newest {MOST:,} experiments on this data set, {len(specs):,}" if least else f"{len(specs):,} experiments"
    text = (
        f"{of} of this laboratory, with {count(tried, 'setting')} of students, were tested on the same examples, so later "
        "experiments were not blind to them."
    )
    return Note(TITLE, text)


def _launched_on(dataset: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the specs of the newest launched experiments on the data set, and whether there may be more."""
    facet = Facet.objects.filter(kind=Facet.Kind.DATASET, value=dataset).values("pk")[:1]
    newest = ExperimentFacet.objects.filter(facet=Subquery(facet)).order_by("-experiment")[:MOST]
    pks = list(newest.values_list("experiment", flat=True))
    specs = Experiment.objects.filter(pk__in=pks, launched_at__isnull=False).values_list("spec", flat=True)
    return list(specs), len(pks) == MOST


def _draw(spec: dict[str, Any]) -> list[Any]:
    return [spec["data"][name] for name in DRAWS]


def _students(spec: dict[str, Any]) -> set[str]:
    """Return every combination of supervisor, strong model and method, with all their settings."""
    weak, strong = ({name: value for name, value in spec[role].items() if name != "models"} for role in ("weak", "strong"))
    return {
        json.dumps([spec["data"]["limit"], weak_model, weak, strong_model, strong, method], sort_keys=True)
        for weak_model in spec["weak"]["models"]
        for strong_model in spec["strong"]["models"]
        for method in spec["methods"]
    }
