"""Errors planted in the answers of all three models are counted as a recomputation from the exported texts counts them."""

import csv
import io
import re
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.written_experiments import make_dataset, written
from webapp.accounts.tokens import make_token
from webapp.experiments.models import Experiment, Role, Run

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


def planted(run: Run, total: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Answers with errors on known rows: shifted sums, and every fifth error of the supervisor no number at all.

    The supervisor errs on every third row. Of these rows the student copies the error in every second, is right in every fifth
    and errs otherwise in its own way; it errs on every tenth other row. The ceiling errs on every seventh row.
    """
    row = np.arange(len(total)) + run.run_spec.seed
    weak_errs = row % 3 == 0
    weak = np.where(weak_errs, np.where(row % 5 == 0, -1, total + 1), total)
    copies, corrects = weak_errs & (row % 2 == 0), weak_errs & (row % 2 == 1) & (row % 5 == 0)
    student = np.select([copies, corrects, weak_errs, row % 10 == 1], [weak, total, total + 2, total + 3], total)
    ceiling = np.where(row % 7 == 0, total + 4, total)
    role = run.parts.first().role  # type: ignore[union-attr]
    sums = {Role.WEAK: weak, Role.STUDENT: student, Role.CEILING: ceiling}[Role(role)]
    return np.array(["" if number < 0 else str(number) for number in sums], object)


class Recounted:
    """The numbers of one seed, from the texts of its exported rows alone."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows
        truth = [int(re.findall(r"\d+", row["text"])[0]) + int(re.findall(r"\d+", row["text"])[1]) for row in rows]
        wrote = {seat: [re.findall(r"\d+", row[f"{seat}_text"]) for row in rows] for seat in ("weak", "student", "ceiling")}
        given = {seat: [int(numbers[-1]) if numbers else None for numbers in all_] for seat, all_ in wrote.items()}
        self.right = {seat: [number == sum_ for number, sum_ in zip(all_, truth, strict=True)] for seat, all_ in given.items()}
        pairs = list(zip(given["weak"], given["student"], strict=True))
        self.same = [weak is not None and weak == student for weak, student in pairs]
        self.cell = [
            1 + 4 * (not weak) + 2 * (not student) + (not ceiling)
            for weak, student, ceiling in zip(*self.right.values(), strict=True)
        ]

    def accuracy(self, seat: str) -> float:
        return sum(self.right[seat]) / len(self.rows)

    def count(self, weak: bool, student: bool, same: bool | None = None) -> int:
        kinds = zip(self.right["weak"], self.right["student"], self.same, strict=True)
        return sum((w, s) == (weak, student) and same in (None, equal) for w, s, equal in kinds)


@pytest.fixture
def experiment(owner: User, called: list[str]) -> Experiment:
    make_dataset()
    return written(owner, planted)


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def recounted(experiment: Experiment, client: Client) -> list[Recounted]:
    """The numbers of both seeds."""
    seeds = []
    for triplet in experiment.triplets:
        keys = "&".join(f"{seat}={triplet[seat]}" for seat in ("weak", "student", "ceiling"))
        answer = client.get(f"/experiments/{experiment.pk}/examples/export/csv/?{keys}")
        seeds.append(Recounted(list(csv.DictReader(io.StringIO(b"".join(answer).decode())))))
    return seeds


def test_the_planted_errors_are_in_every_cell(recounted: list[Recounted]) -> None:
    for seed in recounted:
        assert len(seed.rows) == 120
        assert set(seed.cell) == set(range(1, 9))
        assert 0 < seed.count(False, False, same=True) < seed.count(False, False)
    assert Counter(recounted[0].cell) != Counter(recounted[1].cell)


def test_the_eight_cells_of_explorer_and_api_are_those_of_the_exported_texts(
    experiment: Experiment, recounted: list[Recounted], owner: User
) -> None:
    api = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    for triplet, seed in zip(experiment.triplets, recounted, strict=True):
        keys = "&".join(f"{seat}={triplet[seat]}" for seat in ("weak", "student", "ceiling"))
        counts = api.get(f"/api/v1/experiments/{experiment.pk}/examples/counts?{keys}").json()
        assert {int(cell): number for cell, number in counts["cells"].items()} == Counter(seed.cell)
        assert [int(row["cell"]) for row in seed.rows] == seed.cell


def test_accuracies_gap_gain_and_pgr_are_those_of_the_exported_texts(experiment: Experiment, recounted: list[Recounted]) -> None:
    assert experiment.result is not None
    [group] = experiment.result["groups"]
    means = {seat: np.mean([seed.accuracy(seat) for seed in recounted]) for seat in ("weak", "student", "ceiling")}
    assert {seat: group[seat]["value"] for seat in means} == pytest.approx(means, abs=1e-15)
    gain, gap = means["student"] - means["weak"], means["ceiling"] - means["weak"]
    assert group["gain"]["value"] == pytest.approx(gain, abs=1e-15)
    assert group["gap"]["value"] == pytest.approx(gap, abs=1e-15)
    assert group["pgr"]["value"] == pytest.approx(gain / gap, rel=1e-12)


def test_transitions_with_copied_errors_are_those_of_the_exported_texts(
    experiment: Experiment, recounted: list[Recounted]
) -> None:
    assert experiment.result is not None
    counted = experiment.result["groups"][0]["transitions"]
    kinds: dict[str, tuple[bool, bool, bool | None]] = {
        "kept": (True, True, None),
        "lost": (True, False, None),
        "corrected": (False, True, None),
        "copied": (False, False, True),
        "changed": (False, False, False),
    }
    for name, kind in kinds.items():
        assert counted[name]["count"] == np.mean([seed.count(*kind) for seed in recounted]), name
    total = sum(counted[name]["count"] for name in kinds)
    assert total == 120


def test_agreement_is_that_of_the_exported_texts(experiment: Experiment, recounted: list[Recounted]) -> None:
    assert experiment.result is not None
    counted = experiment.result["groups"][0]["agreement"]
    same = [np.array(seed.same) for seed in recounted]
    right = [np.array(seed.right["weak"]) for seed in recounted]
    assert counted["overall"]["value"] == pytest.approx(np.mean(same), abs=1e-15)
    of_right = np.sum(np.array(same) & right) / np.sum(right)
    of_wrong = np.sum(np.array(same) & ~np.array(right)) / np.sum(~np.array(right))
    assert counted["supervisor_right"]["value"] == pytest.approx(of_right, abs=1e-15)
    assert counted["supervisor_wrong"]["value"] == pytest.approx(of_wrong, abs=1e-15)
