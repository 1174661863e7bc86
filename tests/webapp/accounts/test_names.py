"""Names of new accounts."""

import pytest
from django.core.exceptions import ValidationError

from webapp.accounts.names import new_name, plain_ascii


@pytest.mark.parametrize(
    "name",
    [
        "\u0430da",
        "ad\u0430",
        "\u03b1da",
        "ad\u0101",
        "ad\u200da",
        "ada\u202e",
        "ada b",
        "ada\n",
        "\u0261race",
        "",
        "\x00",
        "l\u0456nus",
    ],
)
def test_a_name_with_letters_that_look_like_others_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="no two names look alike"):
        new_name(name)


@pytest.mark.parametrize(
    ("name", "stored"),
    [("ada", "ada"), ("Ada.L+1@lab_x-y", "Ada.L+1@lab_x-y"), ("\uff41\uff44\uff41", "ada"), ("\U0001d41a", "a")],
)
def test_a_name_is_stored_in_plain_letters(name: str, stored: str) -> None:
    assert new_name(name) == stored


def test_single_sign_on_gives_a_name_in_plain_letters() -> None:
    assert plain_ascii("J\u00f6rg M\u00fcller") == "JorgMuller"
    assert plain_ascii("\u0430\u0434\u0430") == ""
