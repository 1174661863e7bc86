"""The names of the cells: every page takes them from one place."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored
from tests.factories.shares import CHOICES, visitor
from webapp import cell_names
from webapp.api.urls import api
from webapp.shares import services

ROOT = Path(__file__).parents[2]
NAMES = (cell_names.BOTH_RIGHT, cell_names.NEW_ERROR, cell_names.COPIED_ERROR, cell_names.OTHER_ERROR, cell_names.BOTH_WRONG)
QUOTE = "[\"'}]"
"""The text before a name in Python code; elsewhere the words may be part of a sentence."""

FORMER = ("kept good", "lost good", "same error", "repeats its", "errors that are repeated")


def test_no_page_names_a_cell_by_itself() -> None:
    places = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "webapp").rglob("*.py"), *(ROOT / "static" / "js").glob("*.js")]
    named = [
        (path.name, name)
        for path in places
        if path != ROOT / "webapp" / "cell_names.py"
        for name in (*NAMES, *FORMER)
        if re.search(rf"{QUOTE if path.suffix == '.py' else ''}\b{name}\b", path.read_text(encoding="utf-8"))
    ]
    assert named == []


def test_the_eight_cells_are_those_of_supervisor_student_and_ceiling() -> None:
    assert cell_names.eight_cells(2) == {
        1: "both right, ceiling right",
        2: "both right, ceiling wrong",
        3: "new error, ceiling right",
        4: "new error, ceiling wrong",
        5: "corrected, ceiling right",
        6: "corrected, ceiling wrong",
        7: "copied error, ceiling right",
        8: "copied error, ceiling wrong",
    }


def test_with_more_than_two_classes_an_error_of_both_is_not_said_to_be_copied() -> None:
    assert cell_names.eight_cells(4)[7] == "both wrong, ceiling right"


@pytest.mark.django_db
def test_result_explorer_diagnostics_share_and_api_use_the_same_names(client: Client, owner: User) -> None:
    experiment = explored(owner)
    share = services.share_frozen(experiment, CHOICES.model_copy(update={"examples": "all"}), owner)
    guest, _, _ = visitor(share)
    client.force_login(owner)
    home = f"/experiments/{experiment.pk}/"
    result = client.get(home).content.decode()
    explorer = client.get(f"{home}examples/").content.decode()
    shared = guest.get(f"/shared/{share.slug}/examples/").content.decode()
    diagnostics = client.get(f"{home}diagnostics/").content.decode()
    for name in cell_names.four_cells(2):
        assert name in result
    for page in (explorer, shared):
        for number, name in cell_names.eight_cells(2).items():
            assert f'title="{number}: {name}' in page
    assert f"errors that are {cell_names.COPIED_ERROR}s" in diagnostics
    described = api.get_openapi_schema()["components"]["schemas"]["ExampleOut"]["properties"]["cell"]["description"]
    assert cell_names.numbered(2) in described
