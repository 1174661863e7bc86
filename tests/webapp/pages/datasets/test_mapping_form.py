"""The form of a mapping reads back its proposals for any labels and columns, and proposes the likely ones."""

import pytest

from training.catalog.column_mapping import Answered, Labelled
from training.command_output import Column, Preview
from webapp.pages.datasets.mapping_form import MappingForm
from webapp.pages.datasets.mapping_texts import classes_of


def column(name: str, values: tuple[str, ...] | None = None, length: float = 10.0) -> Column:
    return Column(name=name, type="text", values=values, length=length)


def form_of(*columns: Column, rows: tuple[tuple[str, ...], ...] = (), sent: dict[str, str] | None = None) -> MappingForm:
    return MappingForm(Preview(columns=columns, rows=rows, looked_at=9), sent or {})


def proposal(form: MappingForm) -> dict[str, str]:
    return {item.name: item.value for item in form.inputs}


def as_a_browser_sends(values: dict[str, str]) -> dict[str, str]:
    return {name: value.replace("\n", "\r\n") for name, value in values.items() if value}


@pytest.mark.parametrize(
    "labels",
    [
        ("x = y", "x != y"),
        ("two\nlines", "one"),
        ("a | b", "c"),
        ('"quoted"', "plain"),
        ('say "hi" = x', "b"),
        ("a\u2028b", "c"),
        ("=", "=="),
        ("back\\slash", "c"),
        ("= b", "b ="),
        ('"a" = 1', "z"),
        ("a=b", "|"),
        ("\x85x", "y\x0bz"),
        ("-1", "1"),
        ("1.5", "-2"),
        ('"', "''"),
    ],
)
def test_labels_are_read_back_as_they_were_proposed(labels: tuple[str, ...]) -> None:
    columns = (column("text"), column("label", labels))
    how = form_of(*columns, sent=as_a_browser_sends(proposal(form_of(*columns)))).mapping()
    assert how is not None
    assert isinstance(how.root, Labelled)
    assert {value for class_ in how.root.classes for value in class_.values} == {label.strip() for label in labels}
    stored = MappingForm(Preview(columns=columns, rows=(), looked_at=9), {}, how)
    again = form_of(*columns, sent=as_a_browser_sends(proposal(stored))).mapping()
    assert again == how


@pytest.mark.parametrize(("text", "label"), [("te{x}t", "la{b}el"), ("te\nxt", "la\nbel"), ("{", "}"), ("C:\\new", "a = b")])
def test_columns_of_any_name_are_read_back(text: str, label: str) -> None:
    columns = (column(text), column(label, ("0", "1")))
    how = form_of(*columns, sent=as_a_browser_sends(proposal(form_of(*columns)))).mapping()
    assert how is not None
    assert isinstance(how.root, Labelled)
    assert set(how.root.columns) == {text, label}


@pytest.mark.parametrize(
    ("labels", "classes", "skip"),
    [
        (("-1", "0", "1"), ["0", "1"], "yes"),
        (("NaN", "neg", "pos"), ["neg", "pos"], "yes"),
        (("0.0", "1.0", "nan"), ["0.0", "1.0"], "yes"),
        (("None", "a", "b"), ["a", "b"], "yes"),
        (("N/A", "a", "b"), ["a", "b"], "yes"),
        (("-100", "0", "1"), ["0", "1"], "yes"),
        (("-1", "1"), ["-1", "1"], ""),
        (("none", "some"), ["none", "some"], ""),
        (("10", "9", "2"), ["2", "9", "10"], ""),
    ],
)
def test_values_that_say_there_is_no_label_are_proposed_to_be_left_out(
    labels: tuple[str, ...], classes: list[str], skip: str
) -> None:
    form = form_of(column("text"), column("label", labels))
    proposed = proposal(form)
    assert (proposed["classes"].splitlines(), proposed["skip"]) == (classes, skip)
    if skip:
        assert "Treated as missing" in next(item.help for item in form.inputs if item.name == "classes")


def test_an_unticked_box_stays_unticked() -> None:
    columns = (column("text"), column("label", ("-1", "0", "1")))
    how = form_of(*columns, sent={"text": "text", "label": "label", "classes": "-1\n0\n1"}).mapping()
    assert how is not None
    assert how.model_dump()["skip"] is False


def test_names_and_values_in_quotation_marks() -> None:
    assert classes_of('"a = b" = 1 | "2 | 3"\nplain\n"x" y\nname = "q" r') == [
        {"name": "a = b", "values": ["1", "2 | 3"]},
        {"name": "plain", "values": ["plain"]},
        {"name": '"x" y', "values": ['"x" y']},
        {"name": "name", "values": ['"q" r']},
    ]


def test_the_longest_column_is_proposed_as_the_text() -> None:
    proposed = proposal(
        form_of(column("ticket id", length=9), column("description of it", length=300), column("topic", ("a", "b")))
    )
    assert (proposed["text"], proposed["label"]) == ("description of it", "topic")


def test_a_prompt_is_part_of_both_texts_of_a_pair_and_their_group() -> None:
    columns = (column("prompt"), column("chosen"), column("rejected"))
    proposed = proposal(form_of(*columns, rows=(("Why?", "because", "no"),)))
    assert proposed == {"chosen": "{prompt}\\n\\n{chosen}", "rejected": "{prompt}\\n\\n{rejected}", "group": "prompt"}
    begun = proposal(form_of(*columns, rows=(("Why?", "Why? because", "Why? no"),)))
    assert begun == {"chosen": "chosen", "rejected": "rejected", "group": "prompt"}


QUESTIONS = (column("question"), column("answer"), column("rating"))


@pytest.mark.parametrize(
    ("values", "rule"), [(("7", "$1,200"), "number"), (("A", "c"), "letter"), (("Paris", "Rome"), "line"), (("", "7"), "number")]
)
def test_a_question_and_an_answer_are_proposed_as_a_prompt_with_the_rule_that_fits(values: tuple[str, str], rule: str) -> None:
    form = form_of(*QUESTIONS, rows=tuple(("Why?", value, "3") for value in values))
    assert form.kind == "answers"
    assert proposal(form) == {
        "prompt": "question",
        "answers": "answer",
        "separator": "",
        "extract": rule,
        "pattern": "",
        "longest": "1000",
        "skip": "",
        "difficulty": "rating",
        "group": "",
        "keep": "",
    }


def test_a_mapping_to_answers_is_read_back() -> None:
    sent = ANSWERED | {
        "separator": "|",
        "pattern": r"#### (\d+)",
        "extract": "pattern",
        "skip": "yes",
        "keep": "verdict\n\nauthor",
    }
    columns = tuple(map(column, ("body", "verdict", "author")))
    form = form_of(*columns, sent=sent)
    how = form.mapping()
    assert how is not None, form.problems
    assert isinstance(how.root, Answered)
    assert (how.root.keep, how.root.skip, how.root.separator) == (("verdict", "author"), True, "|")
    stored = MappingForm(Preview(columns=columns, rows=(), looked_at=9), {}, how)
    assert stored.kind == "answers"
    assert form_of(*columns, sent=as_a_browser_sends(proposal(stored)) | {"kind": "answers", "group": ""}).mapping() == how


def test_a_rule_that_finds_nothing_in_the_first_rows_is_an_error_of_the_rule() -> None:
    rows = (("Why?", "because", ""), ("How?", "so", ""))
    columns = tuple(map(column, ("body", "verdict", "author")))
    for changes, place in (({"extract": "number"}, "extract"), ({"extract": "pattern", "pattern": r"\d"}, "pattern")):
        form = form_of(*columns, rows=rows, sent=ANSWERED | changes)
        assert form.mapping() is None
        assert form.problems == {place: ["Nothing is found in any of the first 2 answers, such as “because”."]}


def test_a_column_that_the_file_does_not_have_is_an_error_of_the_field_that_names_it() -> None:
    columns = tuple(map(column, ("body", "verdict")))
    form = form_of(*columns, sent=ANSWERED | {"prompt": "{body} {title}", "keep": "verdict\nauthor"})
    assert form.mapping() is None
    assert form.problems == {
        "prompt": ["There is no column “title”. There are: body, verdict."],
        "keep": ["There is no column “author”. There are: body, verdict."],
    }


ANSWERED = {"kind": "answers", "prompt": "{body}", "answers": "verdict", "extract": "line", "longest": "50", "group": ""}
LABELLED = {"kind": "labelled", "text": "{body}", "label": "verdict", "classes": "no\nyes", "group": ""}
PAIR = {"kind": "pair", "chosen": "{good}", "rejected": "{bad}", "group": ""}


@pytest.mark.parametrize(
    "values", [LABELLED, LABELLED | {"group": "author", "skip": "yes"}, PAIR, PAIR | {"group": "author"}, ANSWERED]
)
def test_a_valid_mapping_is_accepted(values: dict[str, str]) -> None:
    form = form_of(*map(column, ("body", "verdict", "good", "bad", "author")), sent=values)
    mapping = form.mapping()
    assert mapping
    assert mapping.root.kind == values["kind"]
    assert mapping.root.group == (values["group"] or None)
    assert form.problems == {}


@pytest.mark.parametrize(
    ("values", "name", "message"),
    [
        (LABELLED | {"text": ""}, "text", "Needs at least one character."),
        (LABELLED | {"label": ""}, "label", "Needs at least one character."),
        (LABELLED | {"classes": "yes"}, "classes", "At least two classes are needed."),
        (LABELLED | {"classes": "yes = 1\nyes = 2"}, "classes", "Two classes are called “yes”."),
        (LABELLED | {"classes": "no = 1\nyes = 1"}, "classes", "“1” cannot mean both no and yes."),
        (LABELLED | {"classes": "no =\nyes"}, "classes", "Class 0: "),
        (ANSWERED | {"prompt": ""}, "prompt", "Needs at least one character."),
        (ANSWERED | {"longest": "many"}, "longest", "Must be a whole number."),
        (ANSWERED | {"extract": "pattern"}, "pattern", "A regular expression is needed"),
        (ANSWERED | {"extract": "pattern", "pattern": "("}, "pattern", "The regular expression cannot be read: missing )"),
        (ANSWERED | {"pattern": "x"}, "pattern", "only for an answer by regular expression"),
        (ANSWERED | {"extract": "vowel"}, "extract", "Must be "),
        (ANSWERED | {"keep": "label"}, "keep", "“label” has a meaning of its own"),
        (PAIR | {"chosen": ""}, "chosen", "Needs at least one character."),
        (PAIR | {"rejected": ""}, "rejected", "Needs at least one character."),
    ],
)
def test_an_error_of_a_mapping_is_at_its_field(values: dict[str, str], name: str, message: str) -> None:
    form = form_of(*map(column, ("body", "verdict", "good", "bad")), sent=values)
    assert form.mapping() is None
    assert [field.name for field in form.inputs if field.problems] == [name]
    assert message in " ".join(form.problems[name])
