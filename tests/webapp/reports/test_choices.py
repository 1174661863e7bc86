"""The author's choices in forms and in JSON."""

import json

import pytest

from webapp.reports.choices import Choices
from webapp.share_pages.forms import ChoicesForm

LARGE = 621271764220297912


@pytest.mark.parametrize("sent", [LARGE, str(LARGE), 2**63 - 1])
def test_an_example_of_63_bits_can_be_highlighted_and_is_a_string_in_json(sent: object) -> None:
    choices = Choices.model_validate_json(json.dumps({"highlights": [{"example": sent}]}))
    assert choices.highlights[0].example == int(str(sent))
    assert choices.model_dump(mode="json")["highlights"][0]["example"] == str(sent)
    assert Choices.model_validate(choices.model_dump(mode="json")) == choices


@pytest.mark.parametrize("sent", [6.2e17, 7.0, -1, 2**63, "²", "", None, True])
def test_a_number_that_is_not_exact_is_no_example(sent: object) -> None:
    with pytest.raises(ValueError, match="given by its number"):
        Choices.model_validate({"highlights": [{"example": sent}]})


def test_the_form_reads_all_digits_of_an_example(db: None) -> None:
    form = ChoicesForm({"examples": "some", "highlights": f"{LARGE} why\n#{2**63 - 1}"})
    assert form.is_valid(), form.errors
    assert [(highlight.example, highlight.note) for highlight in form.cleaned_data["highlights"]] == [
        (LARGE, "why"),
        (2**63 - 1, ""),
    ]
    assert not ChoicesForm({"examples": "some", "highlights": str(2**63)}).is_valid()
