"""Actions on the chosen experiments of a list."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import launched, spec
from tests.webapp.page_text import plain
from webapp.actions import bulk
from webapp.actions.bulk import Outcome
from webapp.experiments import services
from webapp.experiments.models import Experiment
from webapp.pages.organising.bulk import summary

BACK = "/experiments/?state=draft"


@pytest.fixture
def drafts(owner: User) -> list[int]:
    return [services.create(owner, spec(name=f"Draft {number}")).pk for number in range(2)]


def send(page: Client, action: str, ids: list[int], **fields: str) -> str:
    answer = page.post("/experiments/bulk/", {"do": action, "e": ids, "back": BACK, **fields}, follow=True)
    return plain(answer.content.decode())


def test_the_chosen_experiments_are_tagged_and_archived_and_the_list_is_as_it_was(page: Client, drafts: list[int]) -> None:
    assert "2 experiments tagged." in send(page, "tag", drafts, tag="Paper")
    assert "1 experiment archived." in send(page, "archive", drafts[:1])
    content = send(page, "archive", drafts)
    assert "1 experiment archived. 1 experiment unchanged." in content
    answer = page.post("/experiments/bulk/", {"do": "unarchive", "e": drafts, "back": BACK})
    assert answer["Location"] == BACK


@pytest.mark.parametrize(("action", "chosen"), [("archive", False), ("explode", True), ("", True)])
def test_nothing_happens_without_a_choice_or_an_action(page: Client, drafts: list[int], action: str, chosen: bool) -> None:
    assert "Choose experiments in the list first." in send(page, action, drafts if chosen else [])
    assert Experiment.objects.filter(archived_at=None).count() == 2


def test_an_invalid_tag_is_refused_before_anything_is_tagged(page: Client, drafts: list[int]) -> None:
    assert "A tag has 1 to 40 letters" in send(page, "tag", drafts, tag="!")


def test_a_deletion_names_what_is_deleted_and_what_is_refused_and_is_confirmed(
    page: Client, owner: User, drafts: list[int]
) -> None:
    others = services.create(User.objects.create_user("grace"), spec(name="Of grace"))
    waiting = launched(owner, name="At work")
    ids = [*drafts, others.pk, waiting.pk]
    content = send(page, "delete", ids)
    assert "Delete 2 experiments?" in content
    deleted, _, refused = content.partition("Not deleted")
    assert all(name in deleted for name in ("Draft 0", "Draft 1"))
    assert f"#{others.pk} Of grace Only the owner of the experiment and administrators may do that." in refused
    assert f"#{waiting.pk} At work Runs of this experiment are at work. Stop it first." in refused
    assert Experiment.objects.count() == 4
    content = send(page, "delete", drafts, confirmed="yes")
    assert "2 experiments deleted." in content
    assert set(Experiment.objects.values_list("pk", flat=True)) == {others.pk, waiting.pk}
    assert "None of these can be deleted" in send(page, "delete", [others.pk])


def test_a_summary_names_refused_experiments_by_reason_and_not_all_of_many() -> None:
    outcomes = [Outcome(number, "", "refused", "Not yours.") for number in range(1, 13)]
    outcomes += [Outcome(20, "", "refused", "At work."), Outcome(21, "", "done")]
    assert summary("archive", outcomes) == (
        "1 experiment archived. Refused for #1, #2, #3, #4, #5, #6, #7, #8, #9, #10 and 2 more: Not yours."
        " Refused for #20: At work."
    )


def test_more_experiments_than_one_request_may_change_are_refused_as_a_whole(
    page: Client, drafts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST", 1)
    assert "experiments can be changed at once. Nothing was changed." in send(page, "archive", drafts)
    assert Experiment.objects.filter(archived_at=None).count() == 2


@pytest.mark.parametrize("project", ["999", "x", "-1", "9" * 30])
def test_a_project_that_was_deleted_meanwhile_is_said_to_be_gone(page: Client, drafts: list[int], project: str) -> None:
    assert "There is no such project any more." in send(page, "move", drafts, project=project)


def test_a_deletion_that_is_confirmed_twice_says_that_nothing_is_left(page: Client, drafts: list[int]) -> None:
    assert "2 experiments deleted." in send(page, "delete", drafts, confirmed="yes")
    assert "There is no such experiment." in send(page, "delete", drafts, confirmed="yes")


def test_actions_need_the_token_of_a_page(owner: User, drafts: list[int]) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(owner)
    assert stranger.post("/experiments/bulk/", {"do": "delete", "e": drafts, "confirmed": "yes"}).status_code == 403
    assert Experiment.objects.count() == 2
