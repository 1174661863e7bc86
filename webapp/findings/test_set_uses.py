"""Earlier uses of a test set in the laboratory: an experiment after the first was not blind to it."""

import json
from typing import Any

from webapp.experiments.models import Experiment
from webapp.findings.claims import Note
from webapp.findings.wording import count

TITLE = "Uses of the test set"

DRAWS = ("name", "split_seed", "test_fraction")
"""Settings of the data that decide the test examples."""


def test_set_uses(experiment: Experiment) -> Note:
    """Return a note on the number of experiments launched on the same examples, and of their settings of students."""
    drawn = {f"spec__data__{name}": experiment.spec["data"][name] for name in DRAWS}
    alike = Experiment.objects.filter(**drawn, launched_at__isnull=False)
    specs = list(alike.values_list("spec", flat=True))
    if len(specs) <= 1:
        return Note(TITLE, "No other experiment of this laboratory was tested on the same examples.")
    tried = len(set().union(*map(_students, specs)))
    text = (
        f"{len(specs)} experiments of this laboratory, with {count(tried, 'setting')} of students, were tested on the same "
        "examples, so later experiments were not blind to them."
    )
    return Note(TITLE, text)


def _students(spec: dict[str, Any]) -> set[str]:
    """Return every combination of supervisor, strong model and method, with all their settings."""
    weak, strong = ({name: value for name, value in spec[role].items() if name != "models"} for role in ("weak", "strong"))
    return {
        json.dumps([spec["data"]["limit"], weak_model, weak, strong_model, strong, method], sort_keys=True)
        for weak_model in spec["weak"]["models"]
        for strong_model in spec["strong"]["models"]
        for method in spec["methods"]
    }
