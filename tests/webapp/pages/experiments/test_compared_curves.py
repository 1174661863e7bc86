"""The curves of a comparison: a line for each role, method and pair of each experiment and for each run, within limits."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import finish_all, launched
from training.events import EvaluationLogged
from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.pages.experiments import compared_curves
from webapp.pages.experiments.compared_curves import MOST_LINES, SHOWN_LINES, Curves, Line
from webapp.pages.experiments.compared_runs import ComparedRun

pytestmark = [
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]

METHODS = [{"kind": "naive"}, {"kind": "confidence"}]


def curves(owner: User, *experiments: Experiment, runs: tuple[int, ...] = ()) -> Curves:
    rows = {run.pk: run for run in queries.runs_with_role(owner, runs)}
    return Curves(experiments, [ComparedRun(rows[pk]) for pk in runs])


def titled(lines: list[Line]) -> dict[str, int]:
    """The number of seeds of each line, by its title."""
    return {line.title: len(line.keys) for line in lines}


def test_each_experiment_has_a_line_for_every_role_and_method_and_shared_runs_are_one_line(owner: User) -> None:
    first, second = launched(owner, seeds=2, methods=METHODS), launched(owner, seeds=3, methods=METHODS[:1])
    other = launched(owner, methods=METHODS[:1], strong={"models": ["minilm-l2", "minilm-l4"]}, data={"split_seed": 3})
    shown = titled(curves(owner, first, second).lines)
    own, other_number = f"#{first.pk}", f"#{second.pk}"
    assert shown == {f"{own} +1 naive": 3, f"{own} confidence": 2, f"{own} +1 supervisor": 3, f"{own} +1 ceiling": 3}
    assert other_number not in "".join(shown)
    pairs = titled(curves(owner, other).lines)
    assert set(pairs) == {
        f"#{other.pk} {title}"
        for title in (
            "naive, MiniLM L2",
            "naive, MiniLM L4",
            "supervisor, Bag of words",
            "ceiling, MiniLM L2",
            "ceiling, MiniLM L4",
        )
    }


def test_a_single_run_is_a_line_of_its_own_beside_the_mean_that_it_belongs_to(owner: User) -> None:
    experiment = launched(owner, seeds=2, methods=METHODS[:1])
    student, weak = (experiment.parts.filter(role=role)[0].run for role in ("student", "weak"))
    made = curves(owner, experiment, runs=(student.pk, weak.pk))
    assert titled(made.lines)[f"run {student.pk} naive, seed 0"] == 1
    places = made.drawn
    assert places[student.pk]["series"] == f"e{experiment.pk}-0-student0"
    assert places[-student.pk]["series"] == f"r{student.pk}"
    assert set(made.content["curves"]) == set(places)
    roles = {line["id"]: line["role"] for line in made.chart["usermeta"]["curves"]["series"]}
    assert roles[f"r{weak.pk}"] == "student", "drawn as a curve, where the supervisors of an experiment end as a level"
    assert roles[f"e{experiment.pk}-0-weak0"] == "weak"


def test_lines_are_told_apart_by_the_colour_of_their_experiment_and_the_dash_of_their_role(owner: User) -> None:
    first, second = (launched(owner, methods=METHODS, data={"split_seed": seed}) for seed in (1, 2))
    made = curves(owner, first, second)
    legend = {line["title"]: (line["token"], str(line["dash"])) for line in made.chart["usermeta"]["series"]}
    assert len(set(legend.values())) == len(legend) == 8
    of_first, of_second = (
        {token for title, (token, _) in legend.items() if title.startswith(f"#{pk} ")} for pk in (first.pk, second.pk)
    )
    assert len(of_first) == len(of_second) == 1
    assert of_first != of_second


def test_the_first_students_of_all_experiments_are_shown_before_any_second_line(owner: User) -> None:
    experiments = [launched(owner, methods=METHODS, data={"split_seed": seed}) for seed in range(7)]
    made = curves(owner, *experiments)
    visible = [line.title for line in made.lines if line.series.id not in made.hidden]
    assert len(visible) == made.shown == SHOWN_LINES
    assert sum(title.endswith("naive") for title in visible) == 7
    assert sum(title.endswith("confidence") for title in visible) == 3
    assert made.chart["usermeta"]["curves"]["hidden"] == made.hidden


def test_lines_beyond_the_limits_are_counted(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    models = [f"minilm-l{layers}" for layers in (1, 2, 3, 4, 6)]
    methods = [{"kind": "confidence", "weight": at / 20} for at in range(1, 13)]
    many = launched(owner, seeds=1, strong={"models": models}, methods=methods)
    made = curves(owner, many)
    assert (len(made.lines), made.left_out) == (MOST_LINES, 5 * 12 + 5 + 1 - MOST_LINES)
    monkeypatch.setattr(compared_curves, "MOST_RUNS", 5)
    assert len({key for line in curves(owner, many).lines for key in line.keys}) == 5


def test_the_page_names_the_socket_and_the_address_of_what_its_runs_have(owner: User, page: Client) -> None:
    experiment, other = launched(owner, methods=METHODS[:1]), launched(owner, data={"split_seed": 3})
    finish_all(experiment)
    run = other.runs.all()[0]
    html = page.get(f"/compare/?e={experiment.pk}&r={run.pk}").content.decode()
    wire: dict[str, Any] = json.loads(re.findall(r'<script id="wire"[^>]*>(.*?)</script>', html)[0])
    pks = {*experiment.runs.values_list("pk", flat=True), run.pk}
    assert {int(pk) for pk in wire["socket"].removeprefix("/ws/runs/?runs=").split("%2C")} == pks
    content = page.get(wire["from"]).json()
    assert {int(pk) for pk in content["runs"]} == pks
    for pk in experiment.runs.values_list("pk", flat=True):
        points = content["curves"][str(pk)]["curves"]["accuracy"]["bins"]
        evaluations = [
            event for event in queries.events_after(pk, 0) if event["kind"] == EvaluationLogged(step=1, accuracy=1).kind
        ]
        assert [(point[0], point[1]) for point in points] == [(event["step"], event["accuracy"]) for event in evaluations]


def test_the_chart_is_a_file_and_words(owner: User, page: Client) -> None:
    experiment = launched(owner, methods=METHODS[:1], seeds=2)
    finish_all(experiment, 0.7)
    text = page.get(f"/compare/curves.rows?e={experiment.pk}").content.decode()
    assert f"#{experiment.pk} naive: accuracy .700, training loss .050 (2 seeds)." in text
    rows = b"".join(page.get(f"/compare/curves.csv?e={experiment.pk}")).decode().splitlines()
    assert len(rows) == 1 + 6 * 4, "a loss and an accuracy at two steps of six runs"
    assert page.get(f"/compare/curves.pdf?e={experiment.pk}").status_code == 404
    waiting = launched(owner, data={"split_seed": 4})
    assert f"#{waiting.pk} naive: no number yet." in page.get(f"/compare/curves.rows?e={waiting.pk}").content.decode()
    run = experiment.runs.all()[0]
    assert "accuracy .700" in page.get(f"/runs/{run.pk}/curve.rows").content.decode()
    assert len(b"".join(page.get(f"/runs/{run.pk}/curve.csv")).splitlines()) == 1 + 4
