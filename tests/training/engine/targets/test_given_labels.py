"""A supervisor whose labels come from outside: only students and ceilings are trained, and every number follows from the file."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.factories.outside import ABOUT, labels_file, noisy, rows_of, write_csv
from tests.factories.runs import finish
from training import ExperimentSpec, Plan, Store, make_plan
from training.catalog import outside
from training.engine.data.outside_checks import add
from training.engine.errors import CorruptData, EngineError
from training.metrics.results import summarize
from training.spec import warnings

DATA = "clear-reviews"
OTHER_PROGRAM = """
import csv, sys
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
learned = [row for row in rows if row["label"]]
count = CountVectorizer(max_features=40)
model = LogisticRegression().fit(count.fit_transform([row["text"] for row in learned]), [int(row["label"]) for row in learned])
probability = model.predict_proba(count.transform([row["text"] for row in rows]))[:, 1]
with open(sys.argv[2], "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["id", "probability"])
    writer.writerows((row["id"], f"{value:.6f}") for row, value in zip(rows, probability))
"""


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "library"))


def spec(**changes: object) -> ExperimentSpec:
    base = {
        "data": {"name": DATA, "locked_fraction": 0.1},
        "weak": {"models": ["given:elsewhere"]},
        "strong": {"models": ["bag-of-words"], "epochs": 4},
        "methods": [{"kind": "naive"}],
        "seeds": 1,
    }
    return ExperimentSpec.model_validate(base | changes)


def run_all(plan: Plan, store: Store) -> None:
    for run in plan.runs.values():
        finish(run, store)


def test_numbers_of_a_supervisor_from_scikit_learn_equal_an_independent_recomputation(tmp_path: Path) -> None:
    ids, truth, texts = rows_of(DATA)
    known = ["" if place % 3 else str(label) for place, label in enumerate(truth)]
    write_csv(tmp_path / "texts.csv", ["id", "text", "label"], zip(ids, texts, known, strict=True))
    labels = tmp_path / "labels.csv"
    subprocess.run([sys.executable, "-c", OTHER_PROGRAM, tmp_path / "texts.csv", labels], check=True)
    card = add([labels], DATA, ABOUT, "supervisor")
    plan, store = make_plan(spec(seeds=2)), Store(tmp_path / "store")
    assert {run.model for run in plan.runs.values()} == {card.model, "bag-of-words"}
    run_all(plan, store)

    gold = dict(zip(ids.tolist(), truth.tolist(), strict=True))
    given = {int(row["id"]): float(row["probability"]) > 0.5 for row in csv.DictReader(labels.open())}
    gains, gaps = [], []
    for triplet in plan.triplets:
        right = []
        for key in (triplet.student, triplet.ceiling):
            test = store.read_predictions(key).part("test")
            right.append(
                np.mean([(prob > 0.5) == gold[example] for example, prob in zip(test.id.tolist(), test.prob, strict=True)])
            )
        weak = np.mean([given[example] == gold[example] for example in test.id.tolist()])
        gains.append(right[0] - weak)
        gaps.append(right[1] - weak)
    result = summarize(plan, store.read_outputs, store.read_course)
    (group,) = result.groups
    assert group.gain
    assert group.gap
    assert group.gain.value == pytest.approx(np.mean(gains))
    assert group.gap.value == pytest.approx(np.mean(gaps))


def test_nothing_is_trained_for_the_supervisor_and_students_depend_on_its_content(tmp_path: Path) -> None:
    add([labels_file(tmp_path / "a.csv", DATA, 0)], DATA, ABOUT, "supervisor")
    first = make_plan(spec())
    longer = make_plan(spec(weak={"models": ["given:elsewhere"], "epochs": 9, "stop": "last"}))
    assert list(first.runs) == list(longer.runs), "settings of a training do not apply to labels that are given"
    store = Store(tmp_path / "store")
    weak = first.runs[first.triplets[0].weak]
    assert [event.kind for event in finish(weak, store).events] == ["started", "evaluation", "evaluation", "finished"]
    assert not (store.run(weak.key()) / "weights.safetensors").exists()

    add([labels_file(tmp_path / "b.csv", DATA, 1)], DATA, ABOUT, "supervisor")
    second = make_plan(spec())
    assert first.triplets[0].ceiling == second.triplets[0].ceiling
    assert first.triplets[0].student != second.triplets[0].student
    again = spec(weak={"models": [outside.cards()[1].model]})
    assert list(make_plan(again).runs) == list(first.runs), "the earlier labels of the name are still there"


def test_labels_without_the_locked_set_give_predictions_without_it(tmp_path: Path) -> None:
    add([labels_file(tmp_path / "a.csv", DATA)], DATA, ABOUT, "supervisor")
    plan, store = make_plan(spec()), Store(tmp_path / "store")
    run_all(plan, store)
    weak = store.read_predictions(plan.triplets[0].weak)
    needed = set(weak.id[weak.split != "locked"].tolist()) | set(weak.id[weak.split == "locked"][1:].tolist())
    rows = [row for row in zip(*noisy(DATA), strict=True) if row[0] in needed]
    add([write_csv(tmp_path / "b.csv", ["id", "probability"], rows)], DATA, ABOUT, "supervisor")
    partial = make_plan(spec())
    run_all(partial, store)
    assert set(store.read_predictions(partial.triplets[0].weak).split.tolist()) == {"transfer", "test"}
    assert summarize(partial, store.read_outputs, store.read_course).groups[0].state != "incomplete"


def test_a_file_that_changed_or_is_gone_fails_its_run(tmp_path: Path) -> None:
    card = add([labels_file(tmp_path / "a.csv", DATA)], DATA, ABOUT, "supervisor")
    plan, store = make_plan(spec()), Store(tmp_path / "store")
    weak = plan.runs[plan.triplets[0].weak]
    other = add([labels_file(tmp_path / "b.csv", DATA, 1)], DATA, ABOUT, "supervisor")
    outside.file_of(card.digest).write_bytes(outside.file_of(other.digest).read_bytes())
    with pytest.raises(CorruptData, match="another digest"):
        finish(weak, store)
    outside.file_of(card.digest).unlink()
    with pytest.raises(EngineError, match="is missing here"):
        finish(weak, store)


HARD = "gives hard labels without probabilities"
TRAINED = "is given and not trained here"


@pytest.mark.parametrize(
    ("changes", "place", "sentence"),
    [
        ({"strong": {"models": ["given:elsewhere"]}}, "strong", "students and ceilings are trained"),
        ({"data": {"name": "movie-reviews"}}, "weak", "labels “clear-reviews”, and not the data set of this experiment"),
        ({"seeds": 3}, "seeds", "has a file for each of 2 seeds"),
        ({"methods": [{"kind": "bagging"}]}, "methods", TRAINED),
        ({"methods": [{"kind": "adaboost"}]}, "methods", TRAINED),
        ({"methods": [{"kind": "filter-threshold"}]}, "methods", HARD),
        ({"methods": [{"kind": "filter-fraction"}]}, "methods", HARD),
        ({"methods": [{"kind": "easy-to-hard"}]}, "methods", HARD),
        ({"methods": [{"kind": "overlap"}], "strong": {"models": ["minilm-l1"]}}, "methods", HARD),
        ({"weak": {"models": ["given:nobody"]}}, "weak", "There are no labels from outside called “nobody” here"),
    ],
)
def test_what_cannot_be_done_with_given_labels_is_refused(
    tmp_path: Path, changes: dict[str, object], place: str, sentence: str
) -> None:
    files = []
    for seed in range(2):
        rows = [(example, int(prob > 0.5)) for example, prob in zip(*noisy(DATA, seed), strict=True)]
        files.append(write_csv(tmp_path / f"{seed}.csv", ["id", "label"], rows))
    add(files, DATA, ABOUT, "supervisor")
    with pytest.raises(ValidationError) as error:
        spec(**changes)
    assert [(details["loc"][0], sentence in details["msg"]) for details in error.value.errors()] == [(place, True)]


def test_one_file_for_several_seeds_is_a_warning(tmp_path: Path) -> None:
    add([labels_file(tmp_path / "a.csv", DATA)], DATA, ABOUT, "supervisor")
    assert any("has one file, which stands for every seed" in problem.message for problem in warnings(spec(seeds=3)))
    assert not any("one file" in problem.message for problem in warnings(spec()))


def test_given_and_trained_supervisors_are_combined(tmp_path: Path) -> None:
    add([labels_file(tmp_path / "a.csv", DATA)], DATA, ABOUT, "supervisor")
    weak = {"models": ["given:elsewhere", "bag-of-words"], "epochs": 2}
    plan, store = make_plan(spec(weak=weak, methods=[{"kind": "naive"}, {"kind": "ensemble-mean"}])), Store(tmp_path / "store")
    run_all(plan, store)
    means = [key for key, run in plan.runs.items() if run.members]
    given, trained = (store.read_predictions(triplet.weak) for triplet in (plan.triplets[0], plan.triplets[2]))
    assert means
    for key in means:
        np.testing.assert_allclose(store.read_predictions(key).prob, (given.prob + trained.prob) / 2, atol=1e-6)


def test_with_given_supervisors_alone_all_training_rows_can_be_in_half_b(tmp_path: Path) -> None:
    add([labels_file(tmp_path / "a.csv", DATA)], DATA, ABOUT, "supervisor")
    half, whole = spec(), spec(data={"name": DATA, "half_a_fraction": 0})
    warned = ["data.half_a_fraction" in {problem.path for problem in warnings(each)} for each in (half, whole)]
    assert warned == [True, False]
    plan, store = make_plan(whole), Store(tmp_path / "store")
    run_all(plan, store)
    (triplet,) = plan.triplets
    rows = {key: set(store.read_predictions(key).part("transfer").id.tolist()) for key in (triplet.weak, triplet.student)}
    assert rows[triplet.weak] == rows[triplet.student]
    parts = [set(store.read_predictions(triplet.ceiling).part(name).id.tolist()) for name in ("transfer", "test", "locked")]
    assert set().union(*parts) == set(noisy(DATA)[0])
    assert summarize(plan, store.read_outputs, store.read_course).groups[0].student


@pytest.mark.parametrize("weak", [["bag-of-words"], ["given:elsewhere", "bag-of-words"]])
def test_a_supervisor_that_is_trained_needs_a_half_a(tmp_path: Path, weak: list[str]) -> None:
    add([labels_file(tmp_path / "a.csv", DATA)], DATA, ABOUT, "supervisor")
    with pytest.raises(ValidationError, match="Half A is empty, and bag-of-words learns from it") as error:
        spec(data={"name": DATA, "half_a_fraction": 0}, weak={"models": weak})
    assert [details["loc"] for details in error.value.errors()] == [("data", "half_a_fraction")]
