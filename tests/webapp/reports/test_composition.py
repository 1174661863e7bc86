"""A report shows the stored result, whatever its author chooses, and is refused without a result."""

import json

import pytest
from django.contrib.auth.models import User

from tests.factories.experiments import finish_all, launched
from tests.factories.explored_experiments import explored, ids_of
from tests.webapp.reports.reading import rows
from training.metrics.results import Result
from webapp.artifact_store import artifact_store
from webapp.charts.numbers import points, points_interval, rate, rate_interval
from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices, Highlight
from webapp.reports.composition import compose
from webapp.reports.html import PageLinks, page
from webapp.reports.refusal import Refused
from webapp.reports.report import Report


def test_every_number_of_the_tables_is_the_stored_result(done: Experiment, owner: User) -> None:
    result, table = Result.model_validate(done.result), rows(page(compose(done, Choices(), owner), PageLinks()))
    titles = {"naive": ("Student, naive", "Naive"), "confidence": ("Student, confidence loss", "Confidence loss")}
    for group in result.groups:
        assert group.weak is not None
        assert group.student is not None
        assert group.ceiling is not None
        assert group.gain is not None
        assert group.gap is not None
        assert group.agreement is not None
        title, method = titles[group.method]
        assert table[title][2] == f"{rate(group.student.value)} {rate_interval(group.student)}"
        assert table["Weak supervisor"][2] == f"{rate(group.weak.value)} {rate_interval(group.weak)}"
        assert table["Strong ceiling"][2] == f"{rate(group.ceiling.value)} {rate_interval(group.ceiling)}"
        assert table[title][3] == (f"{rate(group.pgr.value, 2)} {rate_interval(group.pgr, 2)}" if group.pgr else "unresolved")
        gain = f"{points(group.gain.value)} {points_interval(group.gain)}"
        assert table[f"{method} student over supervisor"][0] == gain
        shares = [group.agreement.overall, group.agreement.supervisor_right, group.agreement.supervisor_wrong]
        assert table[title][4:] == [f"{rate(estimate.value)} {rate_interval(estimate)}" for estimate in shares if estimate]
        assert table["Ceiling over supervisor"][0] == f"{points(group.gap.value)} {points_interval(group.gap)}"
    [contrast] = result.contrasts
    difference = f"{points(contrast.difference.value)} {points_interval(contrast.difference)}"
    assert table["Confidence loss over naive"][0] == difference
    first = result.triplets[0]
    assert [table["0"][at] for at in (0, 1, 3)] == [rate(value or 0) for value in (first.weak, first.student, first.ceiling)]


def test_the_claim_is_that_of_the_experiments_page(done: Experiment, owner: User) -> None:
    report = compose(done, Choices(), owner)
    assert (report.claim, report.further) == (report.sections[0].claim, report.sections[0].further)
    [group] = [row for row in Result.model_validate(done.result).groups if row.method == "confidence"]
    assert group.pgr
    assert f"{100 * group.pgr.value:.0f}%" == report.claim.number
    assert report.claim.number in report.claim_text


def test_the_rows_of_the_curves_are_inside(done: Experiment, owner: User) -> None:
    chart = compose(done, Choices(), owner).charts["curves-0"]
    assert {row["run"] for row in chart.table} == {run.key for run in done.runs.all()}
    [data] = chart.drawn["datasets"].values()
    assert len(data) == len(chart.rows)


def test_curves_can_be_left_out(done: Experiment, owner: User) -> None:
    assert set(compose(done, Choices(curves=False), owner).charts) == {"gap-0", "decomposition-0"}


def test_a_page_is_plain_data_and_comes_back_from_it(done: Experiment, owner: User) -> None:
    report = compose(done, Choices(title=" Title ", authors="Ada"), owner)
    assert Report.model_validate_json(report.model_dump_json()) == report
    assert (report.title, report.authors, report.live, report.version) == ("Title", "Ada", True, None)


def test_nothing_chosen_takes_the_names_that_are_known(done: Experiment, owner: User) -> None:
    owner.first_name, owner.last_name = "Ada", "Lovelace"
    owner.save()
    report = compose(Experiment.objects.get(pk=done.pk), Choices(), owner)
    assert (report.title, report.authors, report.provenance.made_by) == (done.name, "Ada Lovelace", "Ada Lovelace")


def test_several_pairs_have_a_section_each_and_a_common_claim(owner: User) -> None:
    experiment = launched(owner, strong={"models": ["minilm-l3", "minilm-l4"]})
    finish_all(experiment)
    report = compose(experiment, Choices(), owner)
    assert [part.title for part in report.sections] == ["Bag of words to MiniLM L3", "Bag of words to MiniLM L4"]
    assert set(report.charts) == {f"{name}-{pair}" for name in ("gap", "curves", "decomposition") for pair in (0, 1)}
    assert [chart.number for chart in report.charts.values()] == [1, 2, 3, 4, 5, 6]
    assert report.overview == 1
    assert [(part.table, part.relations) for part in report.sections] == [(2, 3), (4, 5)]
    assert report.claim.before.startswith("Over 2 pairs of models")
    for part in report.sections:
        pgr = next(line for line in part.lines if line.mark.token == "conf")
        assert f"{pgr.pgr} {pgr.pgr_interval} ({part.title}" in report.claim.before


def test_an_undefined_pgr_has_a_reason_and_no_number(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment, share_right=0.7)
    assert all(group.pgr is None for group in Result.model_validate(experiment.result).groups)
    report = compose(experiment, Choices(), owner)
    html = page(report, PageLinks())
    table = rows(html)
    for title in ("Student, naive", "Student, confidence loss"):
        assert table[title][3] in ("unresolved", "undefined")
    [group] = [naive for naive in Result.model_validate(experiment.result).groups if naive.method == "naive"]
    assert group.reason in [note.text for note in report.limitations]
    assert "recovers" not in report.claim_text
    assert not [row for row in report.charts["gap-0"].table if row["measure"] == "pgr"]


def test_highlights_say_what_the_predictions_say(owner: User) -> None:
    experiment = explored(owner)
    example = ids_of("test")[3]
    [shown] = compose(experiment, Choices(highlights=(Highlight(example=example, note="Look."),)), owner).highlights
    triplet = next(row for row in experiment.triplets if row["method"] == 1)
    gold = 0
    for answer, role in zip(shown.answers, ("weak", "student", "ceiling"), strict=True):
        said = artifact_store().read_example(triplet[role], example)
        assert said is not None
        label, gold = int(said.prob[0] >= 0.5), int(said.gold[0])
        assert answer.label == ("negative", "positive")[label]
        assert answer.right == (label == gold)
        assert answer.probability == rate(max(float(said.prob[0]), 1 - float(said.prob[0])), 2)
    assert shown.gold == ("negative", "positive")[gold]
    assert shown.note == "Look."
    assert shown.texts[0]


@pytest.mark.parametrize("split", ["locked", "transfer"])
def test_only_test_examples_can_be_highlights(owner: User, split: str) -> None:
    example = ids_of(split)[0]
    with pytest.raises(Refused, match=f"Example {example} is not a test example of this experiment"):
        compose(explored(owner), Choices(highlights=(Highlight(example=example),)), owner)


def test_highlights_are_refused_where_no_example_is_to_be_shown(done: Experiment, owner: User) -> None:
    with pytest.raises(Refused, match="the report shows no examples"):
        compose(done, Choices(examples="none", highlights=(Highlight(example=1),)), owner)


def test_an_experiment_without_a_result_has_no_page(owner: User) -> None:
    with pytest.raises(Refused, match="nothing to show yet"):
        compose(launched(owner), Choices(), owner)


def test_folders_of_local_models_are_not_shown(done: Experiment, owner: User) -> None:
    done.spec["weak"]["models"] = ["local:/home/ada/models/tiny"]
    for triplet in done.triplets:
        triplet["weak_model"] = "local:/home/ada/models/tiny"
    assert done.result
    text = json.dumps(done.result).replace('"weak_model": "bag-of-words"', '"weak_model": "local:/home/ada/models/tiny"')
    done.result = json.loads(text)
    report = compose(done, Choices(), owner)
    assert report.provenance.spec["weak"]["models"] == ["local:tiny"]
    assert "/home/ada" not in page(report, PageLinks())
    assert "/home/ada" not in report.model_dump_json()
