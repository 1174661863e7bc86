"""The test examples of compared experiments and runs: a warning where they are not the same."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from webapp.experiments.models import Experiment, Run
from webapp.findings.claims import Note
from webapp.findings.wording import dataset_title, joined

LISTED = 5
"""Experiments and runs that are named of each test set; further ones are counted."""


class Draw(NamedTuple):
    """The settings of the data that draw the test examples."""

    name: str
    split_seed: int
    test_fraction: float

    @property
    def title(self) -> str:
        return f"{dataset_title(self.name)}, split seed {self.split_seed}, {self.test_fraction:.0%} of the rows"


class TestSet(NamedTuple):
    """A draw from the rows with this fingerprint."""

    draw: Draw
    fingerprint: str


def warnings(experiments: Sequence[Experiment], runs: Sequence[Run]) -> list[Note]:
    """Return notes where the experiments and runs were tested on different examples, or on other rows of a data set."""
    fingerprints = _fingerprints(experiments)
    members: dict[TestSet, list[str]] = {}
    for experiment in experiments:
        if fingerprint := fingerprints.get(experiment.pk):
            data = experiment.spec["data"]
            members.setdefault(TestSet(_draw(data["name"], data), fingerprint), []).append(f"#{experiment.pk}")
    for run in runs:
        members.setdefault(test_set_of(run), []).append(f"run {run.pk}")
    return _notes(members) if len(members) > 1 else []


def test_set_of(run: Run) -> TestSet:
    return TestSet(_draw(run.spec["dataset"], run.spec), run.spec["fingerprint"])


def _notes(members: Mapping[TestSet, Sequence[str]]) -> list[Note]:
    uses = Counter(test_set.draw for test_set in members)
    texts = []
    for test_set, names in members.items():
        version = f", data {test_set.fingerprint[:8]}" if uses[test_set.draw] > 1 else ""
        texts.append(f"{test_set.draw.title}{version}: {_listed(names)}")
    text = (
        f"They were tested on {len(members)} different sets of examples, so their accuracies are not directly comparable, and no "
        f"difference between two of these sets is computed. {'; '.join(texts)}."
    )
    notes = [Note("Different test examples", text)]
    if max(uses.values()) > 1:
        notes.append(Note("A data set has changed", "The same settings drew from other rows: the fingerprints differ."))
    return notes


def _fingerprints(experiments: Sequence[Experiment]) -> dict[int, str]:
    """Return the fingerprint of the data of each launched experiment, which any of its runs has."""
    keys = {experiment.pk: experiment.triplets[0]["ceiling"] for experiment in experiments if experiment.triplets}
    known = dict(Run.objects.filter(key__in=keys.values()).values_list("key", "spec__fingerprint")) if keys else {}
    return {pk: known[key] for pk, key in keys.items() if key in known}


def _draw(name: str, data: Mapping[str, Any]) -> Draw:
    return Draw(name, data["split_seed"], data["test_fraction"])


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - LISTED} more"] if len(names) > LISTED else []
    return joined([*names[:LISTED], *more])
