"""Every number on the page of diagnostics, computed again from the exported examples by other code than the page's."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.test import Client
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from tests.factories.experiments import finish_all, launched
from tests.factories.explored_experiments import explored
from tests.webapp.pages.explorer.recomputed_diagnostics import (
    CAR,
    CDR,
    DOUBT,
    SEATS,
    SEEDS,
    TITLES,
    Columns,
    bounded,
    calibrations,
    cross_entropy,
    error_agreements,
    fieller,
    hard,
    indicator,
    place,
    spread,
    square,
    sure,
)
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return explored(owner, seeds=SEEDS)


def page_of(client: Client, experiment: Experiment, query: str = "") -> str:
    return client.get(f"/experiments/{experiment.pk}/diagnostics/{query}").content.decode()


def exported(client: Client, experiment: Experiment) -> dict[str, list[Columns]]:
    """Return for each title of the page the models' exported rows, one table for each seed, in the order of the ids."""
    tables_of: dict[str, list[Columns]] = {title: [] for title in TITLES}
    for triplet in experiment.triplets:
        query = "&".join(f"{seat}={triplet[seat]}" for seat in ("weak", "student", "ceiling"))
        answer: Any = client.get(f"/experiments/{experiment.pk}/examples/export/csv/?{query}")
        text = b"".join(answer).decode()
        rows = sorted(csv.DictReader(io.StringIO(text)), key=lambda row: int(row["id"]))
        gold = np.array([int(row["gold"]) for row in rows])
        said = {seat: np.array([float(row[f"{seat}_prob_of_1"]) for row in rows]) for seat in SEATS}
        place(tables_of, triplet, gold, {seat: np.stack([1 - prob, prob], axis=1) for seat, prob in said.items()})
    return tables_of


def left(experiment: Experiment) -> dict[str, list[Columns]]:
    """Return the same from the files of predictions, which have the probability of every class."""
    tables_of: dict[str, list[Columns]] = {title: [] for title in TITLES}
    for triplet in experiment.triplets:
        read = files_of(triplet)
        tests = {seat: table.filter(pc.equal(table["split"], "test")).sort_by("id") for seat, table in read.items()}
        said = {seat: np.array(table["prob"].to_pylist(), float) for seat, table in tests.items()}
        place(tables_of, triplet, tests["weak"]["gold"].to_numpy(), said)
    return tables_of


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def tables(page: str) -> list[dict[str, list[list[float]]]]:
    """Return for each table the numbers of each cell by the title of its row, without empty cells."""
    tables_shown = []
    for table in re.findall(r'<table class="measures">(.*?)</table>', page, re.DOTALL):
        rows = re.findall(r'<tr><td><span class="[\w-]+ role">([^<]*)</span>(.*?)</tr>', table, re.DOTALL)
        cells = {title: re.findall(r'<b>([^<]*)</b><br><span class="interval">([^<]*)</span>', rest) for title, rest in rows}
        tables_shown.append(
            {
                title: [[number(value), *map(number, re.findall(r"−?\d*\.\d+", ends))] for value, ends in row if value]
                for title, row in cells.items()
            }
        )
    return tables_shown


def drawn(page: str, chart: str) -> list[list[dict[str, Any]]]:
    """Return the rows of each model in a chart, in the order of drawing."""
    text = re.search(rf'<script data-chart="{chart}"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert text
    spec = json.loads(text[1])
    names = list(dict.fromkeys(layer["data"]["name"] for layer in spec["layer"]))
    return [spec["datasets"][name] for name in names]


def compare(shown: dict[str, list[list[float]]], expected: Callable[[str], list[list[float]]], titles: list[str]) -> None:
    assert list(shown) == titles
    for title in titles:
        again = expected(title)
        assert len(again) == len(shown[title])
        for expected_row, row in zip(shown[title], again, strict=True):
            assert expected_row == pytest.approx(row, abs=5.1e-4), title


def test_every_number_and_every_point_is_that_of_the_exported_predictions(client: Client, experiment: Experiment) -> None:
    page = page_of(client, experiment, f"?cdr={CDR}&car={CAR}&doubt={DOUBT}")
    assert "300 test examples, 3 seeds" in page
    hold(page, exported(client, experiment), examples=300)


def test_of_three_classes_every_number_and_every_point_is_that_of_the_predictions(client: Client, owner: User) -> None:
    experiment = launched(owner, seeds=SEEDS)
    finish_all(experiment, classes=3)
    hold(page_of(client, experiment, f"?cdr={CDR}&car={CAR}&doubt={DOUBT}"), left(experiment), examples=400)


def hold(page: str, said: dict[str, list[Columns]], examples: int) -> None:
    """Compare the whole page with the same quantities from ``said``."""
    first, second, *_ = tables(page)
    compare(first, lambda title: calibrations(said[title]), TITLES)
    compare(second, lambda title: error_agreements(said[title]), TITLES[1:])

    for chart, titles, target in (
        ("truth-chart", TITLES, lambda columns: columns["gold"]),
        ("supervisor-chart", TITLES[1:3], lambda columns: hard(columns["w"])),
    ):
        for title, rows in zip(titles, drawn(page, chart)[1:], strict=True):
            right = np.concatenate([hard(columns["f"]) == target(columns) for columns in said[title]])
            share, confidence = calibration_curve(
                right, np.concatenate([sure(columns["f"]) for columns in said[title]]), n_bins=15
            )
            assert [row["right"] for row in rows] == pytest.approx(share)
            assert [row["confidence"] for row in rows] == pytest.approx(confidence)
            assert sum(row["count"] for row in rows) == len(right)

    for title, rows in zip(TITLES, drawn(page, "difficulty-chart"), strict=True):
        right = np.array([hard(columns["f"]) == columns["gold"] for columns in said[title]])
        rank = np.array([np.argsort(np.argsort(sure(columns["w"]))) for columns in said[title]])
        for part, row in enumerate(rows):
            inside = (rank >= examples // 5 * part) & (rank < examples // 5 * (part + 1))
            over, under = 1.0 * (right & inside), 1.0 * inside
            expected = bounded(fieller(over, under), over, under)
            assert [row["accuracy"], row["low"], row["high"]] == pytest.approx(expected, abs=1e-6)

    points = zip(TITLES[1:3], drawn(page, "squared-chart")[1:], drawn(page, "log-chart")[1:], strict=True)
    for title, of_squares, of_logs in points:
        for columns, squares, logarithm in zip(said[title], of_squares, of_logs, strict=True):
            gold, truth = columns["gold"], indicator(columns["gold"], columns["f"])
            gain = np.mean(square(columns["w"], truth)) - np.mean(square(columns["f"], truth))
            assert (squares["gain"], squares["misfit"]) == pytest.approx((gain, np.mean(square(columns["f"], columns["w"]))))
            divergence = np.mean(cross_entropy(columns["w"], columns["f"])) - np.mean(cross_entropy(columns["f"], columns["f"]))
            assert (logarithm["gain"], logarithm["misfit"]) == pytest.approx(
                (log_loss(gold, columns["w"]) - log_loss(gold, columns["f"]), divergence)
            )


def test_a_threshold_that_is_no_share_is_refused_and_the_published_one_taken(client: Client, experiment: Experiment) -> None:
    answer = client.get(f"/experiments/{experiment.pk}/diagnostics/?cdr=2&car=nan")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "CDR: 2 is not a share" in page
    assert "CAR: nan is not a share" in page
    assert tables(page) == tables(page_of(client, experiment))


def test_without_a_complete_seed_it_says_what_it_waits_for(client: Client, owner: User) -> None:
    page = page_of(client, launched(owner))
    assert "nothing to diagnose until" in page


def files_of(triplet: dict[str, Any]) -> dict[str, Any]:
    return {seat: pq.read_table(artifact_store().run(triplet[seat]) / "predictions.parquet") for seat in SEATS}


def test_what_students_repeat_of_each_part_is_that_of_the_predictions(client: Client, experiment: Experiment) -> None:
    page = page_of(client, experiment)
    *_, shown = tables(page)
    assert "Memorisation" in page
    for method, title in enumerate(TITLES[1:3]):
        shares: dict[str, list[float]] = {"transfer": [], "test": []}
        for triplet in [triplet for triplet in experiment.triplets if triplet["method"] == method]:
            read = files_of(triplet)
            for split, part_shares in shares.items():
                rows = {seat: table.filter(pc.equal(table["split"], split)).to_pylist() for seat, table in read.items()}
                student_labels = {row["id"]: row["prob"] > 0.5 for row in rows["student"]}
                errors = [row for row in rows["weak"] if (row["prob"] > 0.5) != bool(row["gold"]) and row["id"] in student_labels]
                part_shares.append(sum(student_labels[row["id"]] == (row["prob"] > 0.5) for row in errors) / len(errors))
        apart = [transfer - test for transfer, test in zip(shares["transfer"], shares["test"], strict=True)]
        for row, again in zip(shown[title], (shares["transfer"], shares["test"], apart), strict=True):
            assert row == pytest.approx(spread(again)[: len(row)], abs=5.1e-4)


def test_each_of_its_charts_is_a_file_of_the_points_that_it_shows(client: Client, experiment: Experiment) -> None:
    page, home = page_of(client, experiment), f"/experiments/{experiment.pk}/diagnostics"
    for name, columns in FILES.items():
        assert f"{home}/{name}.csv?pair=0" in page
        answer = client.get(f"{home}/{name}.csv")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode().removeprefix("\ufeff"))))
        assert set(rows[0]) == columns
    misfits = [float(row["misfit"]) for row in rows]
    shown = [point["misfit"] for layer in drawn(page, "log-chart")[1:] for point in layer]
    assert misfits == pytest.approx(shown)
    assert client.get(f"{home}/truth.svg").content.startswith(b"<svg")
    assert client.get(f"{home}/nothing.csv").status_code == 404


FILES = {
    "truth": {"model", "confidence", "right", "count"},
    "supervisor": {"model", "confidence", "right", "count"},
    "difficulty": {"model", "part", "value", "low", "high"},
    "squared": {"method", "seed", "misfit", "gain"},
    "log": {"method", "seed", "misfit", "gain"},
}
