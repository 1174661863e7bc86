"""Every chart of an experiment's page can be downloaded: drawn by the real program, and as the rows of its data."""

import csv
import io
import struct
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.factories.experiments import finish_all, launched
from training.metrics.results import Result
from webapp.charts import child_programs
from webapp.charts.numbers import rate
from webapp.experiments.models import Event, Experiment
from webapp.pages.experiments import chart_files

NAMES = ["gap", "decomposition", "live"]

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


@pytest.fixture
def done(client: Client, owner: User) -> Experiment:
    experiment = launched(owner)
    finish_all(experiment)
    client.force_login(owner)
    return experiment


def address(experiment: Experiment, name: str, how: str) -> str:
    return reverse("chart", args=[experiment.pk, name, how])


def rows(client: Client, experiment: Experiment, name: str) -> list[dict[str, str]]:
    answer = client.get(address(experiment, name, "csv"))
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("gap", {"Weak supervisor", "Strong ceiling"}),
        ("decomposition", {"Naive"}),
        ("live", {"Test accuracy", "Training loss", "Supervisor .660", "Ceiling .790"}),
    ],
)
def test_an_svg_is_whole_and_names_what_it_shows(client: Client, done: Experiment, name: str, titles: set[str]) -> None:
    answer = client.get(address(done, name, "svg"))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    said = {(node.text or "").strip() for node in ElementTree.fromstring(answer.content).iter() if node.tag.endswith("text")}
    assert titles <= said
    assert b"var(" not in answer.content


def test_a_png_has_its_signature_and_two_pixels_for_one(client: Client, done: Experiment) -> None:
    answer = client.get(address(done, "gap", "png"))
    assert answer.content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", answer.content[16:24])
    assert width == pytest.approx(2 * 760, abs=60)
    assert height > 2 * 100


def test_the_rows_of_the_gap_are_those_of_the_result(client: Client, done: Experiment) -> None:
    result = Result.model_validate(done.result)
    exported = rows(client, done, "gap")
    for group in result.groups:
        of_method = [row for row in exported if int(row["method_index"]) == group.method_index]
        assert group.student is not None
        assert [float(row["value"]) for row in of_method if row["measure"] == "student" and not row["run"]] == [
            group.student.value
        ]
        assert bool([row for row in of_method if row["measure"] == "pgr"]) == (group.pgr is not None)
    seeds = {(row["run"], float(row["value"])) for row in exported if row["run"]}
    assert seeds == {
        (getattr(triplet, f"{r}_run"), getattr(triplet, r)) for triplet in result.triplets for r in ("weak", "student", "ceiling")
    }


def test_the_rows_of_the_decomposition_are_those_of_the_result(client: Client, done: Experiment) -> None:
    said = [float(row["value"]) for row in rows(client, done, "decomposition") if row["measure"] == "corrected"]
    groups = Result.model_validate(done.result).groups
    assert said == [group.transitions.corrected.share.value for group in groups if group.transitions]


def test_the_rows_of_the_curves_are_the_events(client: Client, done: Experiment) -> None:
    payload = {
        (event.run.key, event.payload["step"], name, event.payload[name])
        for event in Event.objects.filter(payload__kind__in=["metric", "evaluation"]).select_related("run")
        for name in ("loss", "accuracy")
        if name in event.payload
    }
    exported = rows(client, done, "live")
    assert payload
    assert {(row["run"], int(row["step"]), row["metric"], float(row["value"])) for row in exported} == payload


def test_what_an_attempt_lost_is_not_in_the_rows(client: Client, done: Experiment) -> None:
    run = done.runs.order_by("pk")[0]
    last = Event.objects.filter(run=run).order_by("-seq")[0]
    payload = {"kind": "started", "total_steps": 20, "device": "cpu", "versions": {}, "resumed_from": 10}
    Event.objects.create(run=run, seq=last.seq + 1, attempt=2, at=last.at, payload=payload)
    done.runs.filter(pk=run.pk).update(last_seq=last.seq + 1)
    assert {row["step"] for row in rows(client, done, "live") if row["run"] == run.key} == {"10"}


def test_charts_of_all_pairs_have_the_rows_of_the_result(client: Client, owner: User) -> None:
    experiment = launched(owner, strong={"models": ["minilm-l4", "minilm-l6"], "tuning": "probe"})
    finish_all(experiment)
    client.force_login(owner)
    groups = Result.model_validate(experiment.result).groups
    for name, shown_groups in (("grid-1", [group for group in groups if group.method_index == 1]), ("ladder-0", list(groups))):
        said = [float(row["value"]) for row in rows(client, experiment, name) if row["measure"] == "gain"]
        assert said == [group.gain.value for group in shown_groups if group.gain]
    drawn = client.get(address(experiment, "ladder-0", "svg"))
    assert b"MiniLM L6" in drawn.content
    assert b"var(" not in drawn.content
    assert client.get(address(experiment, "grid-2", "csv")).status_code == 404


def test_what_there_is_not_is_not_found(client: Client, done: Experiment) -> None:
    for name, how in (("map", "svg"), ("gap", "gif")):
        assert client.get(address(done, name, how)).status_code == 404


def test_a_chart_that_is_not_there_yet_is_not_found(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert client.get(address(launched(owner), "gap", "csv")).status_code == 404


def test_a_picture_that_fails_says_why(client: Client, done: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_programs, "SECONDS", 0.001)
    answer = client.get(address(done, "gap", "png"))
    assert (answer.status_code, answer.content) == (503, b"The picture was not drawn within 0.001 seconds.")


def test_strangers_are_sent_to_the_login(client: Client, db: None) -> None:
    answer = client.get(reverse("chart", args=[1, "gap", "svg"]))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


def test_the_page_links_every_chart_in_every_form(client: Client, done: Experiment) -> None:
    page = client.get(reverse("experiment", args=[done.pk])).content.decode()
    for name in NAMES:
        for how in ("svg", "png", "csv"):
            assert f'href="{address(done, name, how)}?pair=0"' in page


@pytest.mark.parametrize("name", ["gap", "decomposition", "live"])
def test_a_chart_is_also_words_and_a_bounded_table_that_the_page_loads_when_it_is_opened(
    client: Client, done: Experiment, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart_files, "SHOWN_ROWS", 3)
    html = client.get(address(done, name, "rows")).content.decode()
    assert html.count("<tr>") == 1 + 3
    assert "The first 3 rows; the CSV has all." in html
    assert all(value in html for value in list(rows(client, done, name)[2].values())[:3])
    assert f'hx-get="{address(done, name, "rows")}?pair=0"' in client.get(f"/experiments/{done.pk}/").content.decode()


def test_the_words_of_the_gap_are_its_numbers(client: Client, done: Experiment) -> None:
    html = client.get(address(done, "gap", "rows")).content.decode()
    [naive, _] = Result.model_validate(done.result).groups
    assert naive.student is not None
    assert f"Naive: accuracy {rate(naive.student.value)}, PGR" in html
