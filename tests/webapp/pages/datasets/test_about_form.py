"""The form that describes an imported data set: a valid description is accepted, and each error is reported at its field."""

import pytest

from webapp.pages.datasets.about_form import AboutForm


def test_a_name_is_enough_and_texts_are_stripped() -> None:
    form = AboutForm({"name": " comments ", "title": " Comments of a forum "})
    about = form.about()
    assert about
    assert (about.name, about.title, about.source, about.licence, about.citation) == (
        "comments",
        "Comments of a forum",
        "",
        "",
        "",
    )
    assert form.problems == {}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("name", "", "cannot be a name"),
        ("name", "Two Words", "cannot be a name"),
        ("name", "../above", "cannot be a name"),
        ("name", "movie-reviews", "that the laboratory knows"),
        ("name", "boolq", "that the laboratory knows"),
        ("title", "a" * 121, "May have at most 120 characters."),
        ("source", "a" * 501, "May have at most 500 characters."),
        ("licence", "a" * 201, "May have at most 200 characters."),
        ("citation", "a" * 1001, "May have at most 1,000 characters."),
    ],
)
def test_an_error_is_at_its_field_and_the_text_stays(name: str, value: str, message: str) -> None:
    form = AboutForm({"name": "comments", name: value})
    assert form.about() is None
    assert list(form.problems) == [name]
    assert message in form.problems[name][0]
    fields = {field.name: field for field in form.inputs}
    assert fields[name].value == value
    assert fields[name].problems == form.problems[name]
    assert [field.name for field in form.inputs if field.problems] == [name]
