"""Every conversion, on a few rows in the columns of its source."""

from collections import Counter, defaultdict

import pytest

from tests.factories.source_rows import FACTS, ROWS, settled
from training.engine.data.convert import convert, shared_sequences
from training.engine.data.families import CONVERSIONS
from training.engine.data.families.example import Example, preference
from training.engine.errors import CorruptData

CHOICE = ["dream", "hellaswag", "openbookqa", "piqa", "quail", "quartz", "sciq", "sciq_with_support", "social_i_qa"]


def examples(name: str) -> list[Example]:
    return [example for row in ROWS[name] for example in CONVERSIONS[name](row)]


def table(name: str) -> list[dict[str, object]]:
    return settled(convert(name, ROWS[name]))[0]


def test_every_conversion_has_rows_to_be_tested_on() -> None:
    assert set(ROWS) == set(CONVERSIONS)


@pytest.mark.parametrize("name", CONVERSIONS)
def test_no_class_has_more_than_55_percent(name: str) -> None:
    counts = Counter(row["label"] for row in table(name))
    assert set(counts) == {0, 1}
    assert max(counts.values()) <= 0.55 * sum(counts.values()) or max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("name", CONVERSIONS)
def test_ids_and_texts_are_there_once(name: str) -> None:
    rows = table(name)
    assert len({row["id"] for row in rows}) == len({row["text"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", ["anthropic_hh", "shp"])
def test_a_preference_is_one_example_and_its_label_says_whether_the_first_text_is_the_preferred_one(name: str) -> None:
    right, rows = {fact[2] for fact in FACTS}, examples(name)
    for example in rows:
        said = [text.rpartition(": ")[2] in right for text in (example.text, example.text_b)]
        assert said == [example.label == 1, example.label == 0]
    assert {example.label for example in rows} == {0, 1}
    rows_table = table(name)
    assert all(row["text_b"] for row in rows_table)
    assert len({frozenset((row["text"], row["text_b"])) for row in rows_table}) == len(rows_table)


def test_a_preference_comes_in_the_same_order_whichever_of_the_two_is_preferred() -> None:
    for n in range(20):
        (first,), (other,) = preference(f"a {n}", f"b {n}", "g"), preference(f"b {n}", f"a {n}", "g")
        assert (first.text, first.text_b, first.label) == (other.text, other.text_b, 1 - other.label)


@pytest.mark.parametrize("name", CHOICE)
def test_a_question_is_asked_once_with_the_right_answer_and_once_with_a_wrong_one(name: str) -> None:
    groups = defaultdict(list)
    for example in examples(name):
        groups[example.text.rpartition("\n")[0]].append(example.label)
    assert all(sorted(labels) == [0, 1] for labels in groups.values())


@pytest.mark.parametrize("name", [*CHOICE, "cosmos_qa", "mc_taco", "multirc"])
def test_the_answer_of_label_1_is_the_right_one(name: str) -> None:
    right = {fact[2] for fact in FACTS}
    for example in examples(name):
        assert (example.text.rpartition(": ")[2] in right) == example.label


@pytest.mark.parametrize("name", ["mc_taco", "multirc"])
def test_of_answers_judged_one_by_one_as_many_right_as_wrong_are_kept(name: str) -> None:
    labels = defaultdict(list)
    for row in table(name):
        labels[row["group"]].append(row["label"])
    assert all(sorted(rows_table) == [0, 1] for rows_table in labels.values())  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("name", "together"),
    [("anli-r2", "The dog"), ("ethics-justice", "job 2"), ("ethics-virtue", "number 2"), ("paws", "game 2"), ("wic", "bank")],
)
def test_examples_about_the_same_thing_are_one_group(name: str, together: str) -> None:
    own = [example for example in examples(name) if together in example.text]
    assert len(own) > 1
    assert len({example.group for example in own}) == 1
    assert own[0].group not in {example.group for example in examples(name) if example not in own}


def test_the_two_questions_of_a_quail_text_are_one_group() -> None:
    assert len({example.group for example in examples("quail")}) == len(FACTS) / 2


def test_entailment_stands_against_neutral_and_contradiction() -> None:
    assert [example.label for example in examples("anli-r2")] == [1, 0, 0, 1, 0, 1, 0]


def test_hidden_labels_give_no_example() -> None:
    assert len(examples("cola")) == len(ROWS["cola"]) - 1
    assert len(examples("hellaswag")) == 2 * (len(FACTS) - 1)


def test_none_of_the_above_is_never_shown_and_makes_every_answer_wrong_where_it_is_the_truth() -> None:
    rows = examples("cosmos_qa")
    assert not [example for example in rows if "None of the above" in example.text]
    assert [example.label for example in rows if FACTS[1][0] in example.text] == [0]
    assert [example.label for example in rows if FACTS[2][0] in example.text] == [1, 0]


def test_openbookqa_never_answers_with_a_letter() -> None:
    for example in examples("openbookqa"):
        assert example.text.rpartition(": ")[2] not in {"A", "B", "C", "D"}


def test_the_place_of_the_more_pleasant_scenario_is_drawn_and_the_label_follows_it() -> None:
    rows = examples("ethics-utilitarianism")
    for example in rows:
        assert ("mouldy" not in example.text.splitlines()[0]) == example.label
    assert 0.25 < sum(example.label for example in rows) / len(rows) < 0.75


def test_phrases_of_one_sentence_are_one_group() -> None:
    texts = ["a b c d e f g h", "c d e f g h", "x y z u v w", "b c d e f g h i j k", "f g h i j k"]
    actual = shared_sequences([Example(text, 0, text) for text in texts])
    assert [example.group for example in actual] == [texts[0]] * 2 + [texts[2]] + [texts[0]] * 2


def test_rows_without_the_columns_of_the_source_are_refused_with_a_sentence() -> None:
    with pytest.raises(CorruptData, match=r"Row 2 of “boolq” does not have the columns"):
        list(convert("boolq", [ROWS["boolq"][0], {"text": "no"}]))
