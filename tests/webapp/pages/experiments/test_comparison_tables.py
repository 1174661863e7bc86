"""The tables of a comparison: students and runs with differences from a chosen baseline, warnings, and their files."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import finish_all, launched
from tests.factories.latex import table_rows
from tests.webapp.page_text import text
from training.metrics.results import Result
from webapp.experiments.models import Experiment

pytestmark = pytest.mark.usefixtures("called")

METHODS = [{"kind": "naive"}, {"kind": "confidence"}]


def done(owner: User, **changes: object) -> Experiment:
    experiment = launched(owner, **{"seeds": 2, "methods": METHODS, **changes})
    finish_all(experiment)
    return experiment


def records(page: Client, address: str) -> list[dict[str, str]]:
    answer = page.get(address)
    assert answer.status_code == 200, address
    assert 'filename="' in answer["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def result_of(experiment: Experiment) -> Result:
    return Result.model_validate(experiment.result)


def test_the_file_of_students_has_each_number_of_each_result_with_seeds_intervals_and_state(owner: User, page: Client) -> None:
    first, second = done(owner), done(owner, seeds=3, strong={"models": ["minilm-l2", "minilm-l4"]})
    rows = records(page, f"/compare/students.csv?e={first.pk}&e={second.pk}")
    groups = [group for experiment in (first, second) for group in result_of(experiment).groups]
    assert len(rows) == len(groups) == 6
    for row, group in zip(rows, groups, strict=True):
        assert group.student is not None
        assert int(row["Seeds"]) == len(group.seeds)
        for title, estimate in (
            ("Supervisor", group.weak),
            ("Student", group.student),
            ("Ceiling", group.ceiling),
            ("PGR", group.pgr),
        ):
            if estimate:
                ends = [float(row[name]) for name in (title, f"{title}, low", f"{title}, high")]
                assert ends == [estimate.value, estimate.low, estimate.high]
        assert (row.get("PGR, state", "") or "ok") == group.state
    contrast = result_of(first).contrasts[0]
    assert rows[0]["Over own baseline, points, state"] == "baseline"
    assert float(rows[1]["Over own baseline, points"]) == pytest.approx(100 * contrast.difference.value)
    assert float(rows[1]["p"]) == contrast.p_holm


def test_differences_from_a_chosen_baseline_are_paired_and_adjusted_together(owner: User, page: Client) -> None:
    both, alone, apart = done(owner), done(owner, methods=METHODS[1:]), done(owner, data={"split_seed": 5})
    query = f"e={alone.pk}&e={both.pk}&e={apart.pk}&over={both.pk}.0.0"
    first, base, own, *others = records(page, f"/compare/students.csv?{query}")
    title = f"Over #{both.pk} naive, points"
    [contrast] = result_of(both).contrasts
    assert base[f"{title}, state"] == "baseline"
    for row in (first, own):
        assert float(row[title]) == pytest.approx(100 * contrast.difference.value)
        assert float(row["p"]) == pytest.approx(min(1, 2 * contrast.p)), "Holm over the two differences of the table"
    assert {row[f"{title}, state"] for row in others} == {"not paired"}
    page_text = text(page, f"/compare/?{query}")
    assert f"Differences are from the baseline, #{both.pk} Naive" in page_text
    assert "nothing is paired" in page_text, "the reason, as a footnote"


def test_a_warning_names_what_was_tested_on_other_examples(owner: User, page: Client) -> None:
    first, second, other = (
        done(owner),
        done(owner, weak={"models": ["bag-of-words"], "epochs": 7}),
        done(owner, data={"split_seed": 5}),
    )
    assert "Different test examples" not in text(page, f"/compare/?e={first.pk}&e={second.pk}")
    run = second.runs.all()[0]
    shown = text(page, f"/compare/?e={first.pk}&e={other.pk}&r={run.pk}")
    assert "Different test examples." in shown
    assert f"Movie reviews, split seed 0, 25% of the rows: #{first.pk} and run {run.pk}" in shown
    assert f"Movie reviews, split seed 5, 25% of the rows: #{other.pk}." in shown
    for changed in other.runs.all():
        changed.spec |= {"split_seed": 0, "fingerprint": "f" * 64}
        changed.save()
    other.spec["data"]["split_seed"] = 0
    other.save()
    shown = text(page, f"/compare/?e={first.pk}&e={other.pk}")
    assert "A data set has changed." in shown
    assert f"data ffffffff: #{other.pk}" in shown


def test_runs_stand_side_by_side_with_what_differs_and_a_difference_over_the_same_examples(owner: User, page: Client) -> None:
    experiment = done(owner)
    first, second = (part.run for part in experiment.parts.filter(role="student").order_by("position")[:2])
    waiting = launched(owner, data={"split_seed": 5}).runs.all()[0]
    query = f"r={first.pk}&r={second.pk}&r={waiting.pk}&run={first.pk}"
    rows = records(page, f"/compare/runs.csv?{query}")
    assert [row["Role"] for row in rows] == ["Student, naive", "Student, confidence loss", "Weak supervisor"]
    assert float(rows[0]["Accuracy"]) == pytest.approx(float(rows[0]["Accuracy, low"]), abs=0.1)
    title = f"Over run {first.pk}, points"
    assert [row[f"{title}, state"] for row in rows] == ["baseline", "", "not finished"]
    assert float(rows[1][title]) == pytest.approx(100 * (float(rows[1]["Accuracy"]) - float(rows[0]["Accuracy"])))
    differing = {
        row["Setting"]: list(row.values())[1:] for row in records(page, f"/compare/run-settings.csv?r={first.pk}&r={second.pk}")
    }
    assert differing["Method"] == ["Naive", "Confidence loss"]
    assert differing["Confidence weight"] == ["–", "0.5"]
    assert "Seed" not in differing


@pytest.fixture
def compared(owner: User) -> str:
    first, second = done(owner, name="50% & more_of {it}"), done(owner, methods=[*METHODS, {"kind": "reverse-kl"}])
    run, other = first.runs.all()[:2]
    return f"e={first.pk}&e={second.pk}&r={run.pk}&r={other.pk}&run={run.pk}"


@pytest.mark.parametrize("name", ["students", "methods", "runs", "settings", "run-settings"])
def test_every_table_is_a_file_of_latex_that_is_also_on_the_page_to_copy(name: str, compared: str, page: Client) -> None:
    answer = page.get(f"/compare/{name}.tex?{compared}")
    assert answer["Content-Type"] == "application/x-tex; charset=utf-8"
    rows = table_rows(answer.content.decode())
    assert len(rows) == 1 + len(records(page, f"/compare/{name}.csv?{compared}"))
    assert f'data-copy="latex-{name}"' in page.get(f"/compare/?{compared}").content.decode()


def test_a_table_that_a_comparison_does_not_have_is_not_there(page: Client, owner: User) -> None:
    experiment = launched(owner)
    for name in ("students.csv", "methods.tex", "runs.csv", "settings.csv", "nothing.csv", "students.pdf", "forest.svg"):
        assert page.get(f"/compare/{name}?e={experiment.pk}").status_code == 404, name


def test_tables_of_results_and_leaderboards_are_the_same_files(owner: User, page: Client) -> None:
    experiment = done(owner)
    [group, _] = result_of(experiment).groups
    rows = records(page, f"/experiments/{experiment.pk}/tables/accuracy.csv?pair=0")
    assert [row["Role"] for row in rows] == ["Weak supervisor", "Student, naive", "Student, confidence loss", "Strong ceiling"]
    assert group.student is not None
    assert float(rows[1]["Accuracy"]) == group.student.value
    shown = text(page, f"/experiments/{experiment.pk}/")
    [head, *latex] = table_rows(page.get(f"/experiments/{experiment.pk}/tables/accuracy.tex").content.decode())
    for row in latex:
        assert row[head.index("Accuracy")] in shown, "the numbers of the page"
    assert len(table_rows(page.get(f"/experiments/{experiment.pk}/tables/differences.tex").content.decode())) == 5
    assert page.get(f"/experiments/{experiment.pk}/tables/other.tex").status_code == 404
    board = page.get("/leaderboard/").context["boards"][0][1]
    assert {row["Method"] for row in records(page, f"/leaderboard/{board.name}.csv")} == {"Naive", "Confidence loss"}
    assert len(table_rows(page.get(f"/leaderboard/{board.name}.tex").content.decode())) == 3
    assert page.get("/leaderboard/nothing.csv").status_code == 404


def test_a_comparison_takes_the_same_number_of_queries_for_few_and_many(
    owner: User, page: Client, django_assert_num_queries: Any
) -> None:
    experiments = [done(owner, seeds=1, methods=METHODS[:1], data={"split_seed": at}) for at in range(6)]
    runs = [experiment.runs.all()[0].pk for experiment in experiments]

    def address(number: int) -> str:
        return "/compare/?" + "&".join([*(f"e={row.pk}" for row in experiments[:number]), *(f"r={pk}" for pk in runs[:number])])

    page.get(address(1))
    for number in (2, 6):
        with django_assert_num_queries(QUERIES):
            assert page.get(address(number)).status_code == 200


QUERIES = 10
"""Session, account, its group twice, experiments, runs, related experiments, runs of curves, fingerprints, and imported runs."""
