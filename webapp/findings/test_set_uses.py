"""How often the laboratory has looked at a test set: what was tried after looking was not blind."""

import json
from typing import Any

from webapp.experiments.models import Experiment
from webapp.findings.claims import Note
from webapp.findings.wording import count

DRAWS = ("name", "split_seed", "test_fraction")
"""Settings of the data that decide which test examples there are."""


def looks(experiment: Experiment) -> Note:
    """Of all experiments that were launched on the same examples: how many there are, and how many settings of students."""
    drawn = {f"spec__data__{name}": experiment.spec["data"][name] for name in DRAWS}
    alike = Experiment.objects.filter(**drawn, launched_at__isnull=False)
    specs = list(alike.values_list("spec", flat=True))
    if len(specs) <= 1:
        return Note("Looks at the test set", "No other experiment of this laboratory was tested on the same examples.")
    tried = len(set().union(*map(_students, specs)))
    text = (
        f"{len(specs)} experiments of this laboratory, with {count(tried, 'setting')} of students, were tested on the same "
        "examples: what was tried after looking was not blind."
    )
    return Note("Looks at the test set", text)


def _students(spec: dict[str, Any]) -> set[str]:
    """Every combination of a supervisor, a strong model and a method, with all their settings."""
    weak, strong = ({name: value for name, value in spec[role].items() if name != "models"} for role in ("weak", "strong"))
    return {
        json.dumps([spec["data"]["limit"], one, weak, other, strong, method], sort_keys=True)
        for one in spec["weak"]["models"]
        for other in spec["strong"]["models"]
        for method in spec["methods"]
    }
