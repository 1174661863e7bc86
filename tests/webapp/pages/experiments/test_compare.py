"""Experiments on several data sets are launched at once, compared with each other, and shown on leaderboards if comparable."""

import re
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from scipy import stats

from tests.factories.experiments import finish_all, launched
from training import catalog
from webapp.charts.forest import NAME
from webapp.experiments.models import Experiment
from webapp.findings.boards import boards
from webapp.findings.comparing import Comparison
from webapp.pages.experiments import compare
from webapp.pages.experiments.setting_differences import differing

METHODS = [{"kind": "naive"}, {"kind": "confidence"}]


pytestmark = pytest.mark.usefixtures("called")


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def done(owner: User, data: str = "movie-reviews", split: int = 0, **changes: object) -> Experiment:
    settings: dict[str, object] = {"methods": METHODS, "seeds": 2, "data": {"name": data, "split_seed": split}}
    experiment = launched(owner, **settings | changes)
    finish_all(experiment)
    return experiment


def result_of(experiment: Experiment) -> dict[str, Any]:
    assert experiment.result
    result: dict[str, Any] = experiment.result
    return result


def plain(client: Client, path: str) -> str:
    html = client.get(path).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.S)).split())


def test_what_stands_beside_each_other_is_each_experiments_own_result(owner: User, client: Client) -> None:
    first, second = done(owner), done(owner, "movie-preferences", name="Pairs")
    page = plain(client, f"/compare/?e={first.pk}&e={second.pk}&e=999")
    assert "2 experiments on 2 data sets, 2 pairs" in page
    assert "There is no experiment 999." in page
    compared = Comparison([first, second])
    for line, method in zip(compared.lines, (0, 1), strict=True):
        for cell, experiment in zip(line.cells, (first, second), strict=True):
            assert cell.group is not None
            assert cell.group.model_dump(mode="json") == result_of(experiment)["groups"][method]
    differences = [result_of(experiment)["contrasts"][0]["difference"]["value"] for experiment in (first, second)]
    over = compared.lines[1].over
    assert over is not None
    assert over.mean is not None
    assert over.mean.value == pytest.approx(np.mean(differences))
    assert compared.lines[1].p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert compared.lines[0].over is None, "the baseline is not compared with itself"
    assert "too few" in page, "of two data sets Wilcoxon says nothing"


def test_a_data_set_counts_once_however_many_experiments_are_on_it(owner: User) -> None:
    first, second = done(owner), done(owner, strong={"models": ["minilm-l2"]})
    (naive, confidence) = Comparison([first, second]).lines
    assert confidence.over is not None
    assert confidence.over.sets == 1
    assert confidence.over.mean is None
    assert len(naive.cells) == 2


def test_two_experiments_of_one_data_set_and_pair_stand_apart_with_number_and_name(owner: User, client: Client) -> None:
    first, second = done(owner, name="Shorter"), done(owner, name="Longer", strong={"models": ["minilm-l4"], "epochs": 3})
    page = plain(client, f"/compare/?e={first.pk}&e={second.pk}")
    assert "2 experiments on 1 data set, 1 pair." in page
    table = page[page.index("Students side by side") :]
    assert f"#{first.pk} Shorter Movie reviews" in table
    assert f"#{second.pk} Longer Movie reviews" in table
    chart = Comparison([first, second]).forest
    assert chart is not None
    places = {row["place"] for row in rows_of(chart)}
    assert {place.partition("\n")[0] for place in places} == {f"#{first.pk} Shorter", f"#{second.pk} Longer"}


def rows_of(chart: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for rows in chart["datasets"].values() for row in rows if "place" in row]


def test_a_long_name_is_cut_in_the_chart_and_its_number_stays(owner: User) -> None:
    first = done(owner, name="A name that is much longer than any label of a chart could be")
    second = done(owner, name="A name that is much longer than any label of a chart could be", split=1)
    chart = Comparison([first, second]).forest
    assert chart is not None
    places = {row["place"] for row in rows_of(chart)}
    assert len(places) == 2
    assert all(len(line) <= NAME for place in places for line in place.split("\n"))


def test_only_settings_that_differ_are_shown_each_with_the_group_that_it_belongs_to(owner: User, client: Client) -> None:
    first = done(owner, methods=[{"kind": "naive"}, {"kind": "confidence", "weight": 0.3}])
    second = done(
        owner, methods=[{"kind": "naive"}, {"kind": "confidence", "weight": 0.6}], weak={"models": ["bag-of-words"], "epochs": 7}
    )
    differing_values = {setting.title: setting.values for setting in differing([first.experiment_spec, second.experiment_spec])}
    assert differing_values == {
        "Weak supervisors, epochs": ["4", "7"],
        "Methods": ["naive and confidence loss, weight 0.3", "naive and confidence loss, weight 0.6"],
    }
    page = plain(client, f"/compare/?e={first.pk}&e={second.pk}")
    assert "Weak supervisors, epochs 4 7" in page
    differ, _, same = page.partition("settings that are the same")
    assert "batch size" not in differ
    assert "Weak supervisors, batch size 32" in same, "on request"
    assert "Settings that differ" not in plain(client, f"/compare/?e={first.pk}")


def test_experiments_that_differ_in_their_names_alone_are_said_to(owner: User, client: Client) -> None:
    first, second = done(owner), done(owner, name="Again")
    assert "They differ only in their names." in plain(client, f"/compare/?e={first.pk}&e={second.pk}")


def test_a_method_that_an_experiment_does_not_have_is_not_tried_there_and_nothing_is_hidden(owner: User, client: Client) -> None:
    first, second = done(owner), done(owner, "movie-preferences", methods=[{"kind": "naive"}, {"kind": "reverse-kl"}])
    page = plain(client, f"/compare/?e={first.pk}&e={second.pk}")
    lines, _, files = page.partition("In aggregate")[2].partition("as CSV or LaTeX")
    assert lines.count("1 not tried") == files.count("1 not tried") == 2, "two methods, each in one of two pairs"
    waiting = launched(owner, name="Not yet")
    assert f"#{waiting.pk} Not yet no result yet" in plain(client, f"/compare/?e={first.pk}&e={waiting.pk}")


def test_on_one_board_are_only_students_of_the_same_supervisors_and_ceilings(owner: User, client: Client) -> None:
    first = done(owner, methods=[{"kind": "naive"}])
    assert boards([first]) == ([], 1), "one method alone is no board"
    second = done(owner, methods=[{"kind": "naive"}, {"kind": "reverse-kl"}, {"kind": "confidence", "weight": 0.25}])
    other = [
        done(owner, methods=[{"kind": "product"}], split=5),
        done(owner, methods=[{"kind": "product"}], seeds=1),
        done(owner, methods=[{"kind": "product"}], strong={"models": ["minilm-l4"], "epochs": 3}),
    ]
    (board,), alone = boards([first, second, *other])
    assert alone == 3
    assert {entry.title for entry in board.lines} == {"Naive", "Reverse KL", "Confidence loss"}
    naive = next(entry for entry in board.lines if entry.title == "Naive")
    assert naive.experiments == [first, second], "the same students, in two experiments"
    accuracies = [entry.group.student.value for entry in board.lines if entry.group.student]
    assert accuracies == sorted(accuracies, reverse=True)
    assert board.uses == 4, "those on another split used other examples"
    page = plain(client, "/leaderboard/")
    assert "Movie reviews, Bag of words" in page
    assert "Naive weak labels" in page, "a line says which labels its students learn from"
    assert "3 more settings with a single method" in page
    assert "4 experiments tested on these examples" in page


def test_the_leaderboards_read_the_newest_results_alone(owner: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("naive", "confidence", "reverse-kl"):
        done(owner, methods=[{"kind": kind}])
    monkeypatch.setattr(compare, "MOST_RESULTS", 2)
    page = plain(client, "/leaderboard/")
    assert "at most the newest 2." in page
    assert "Reverse KL" in page
    assert "Naive" not in page


def test_one_form_launches_an_experiment_for_each_data_set(owner: User, client: Client) -> None:
    form = {"do": "launch", "name": "Both", "also": ["movie-reviews", "movie-preferences", "unheard-of"]}
    answer = client.post("/experiments/new/", sent(client) | form)
    first, second = Experiment.objects.order_by("pk")
    assert answer.status_code == 302
    assert answer["Location"] == f"/compare/?e={first.pk}&e={second.pk}"
    assert [each.spec["data"]["name"] for each in (first, second)] == ["movie-reviews", "movie-preferences"]
    assert second.name == f"Both · {catalog.dataset('movie-preferences').title}"
    assert {**first.spec, "name": "", "data": 0} == {**second.spec, "name": "", "data": 0}
    assert first.launched_at
    assert second.launched_at


def test_where_the_spec_does_not_fit_another_data_set_nothing_is_launched_and_it_says_why(owner: User, client: Client) -> None:
    imitation = sent(client) | {"methods__0__kind": "imitation", "also": "movie-preferences"}
    preview = plain_of(client.post("/experiments/new/preview/", imitation))
    assert "A prompt is about one text" in preview
    answer = client.post("/experiments/new/", imitation | {"do": "launch"})
    assert answer.status_code == 422
    assert "A prompt is about one text" in plain_of(answer)
    assert not Experiment.objects.exists()


def plain_of(answer: object) -> str:
    return re.sub(r"<[^>]+>", " ", answer.content.decode())  # type: ignore[attr-defined]


def sent(client: Client) -> dict[str, object]:
    """The fields of the form of a new experiment."""
    page = client.get("/experiments/new/")
    raw: dict[str, object] = dict(page.context["form"].raw)
    return raw
