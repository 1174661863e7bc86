"""Sharing by hand: choosing, previewing, freezing, links and their end."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import launched
from tests.factories.explored_experiments import explored, ids_of
from tests.factories.shares import CHOICES, frozen, visitor
from webapp.experiments.models import Experiment
from webapp.notes import services as notes
from webapp.notes.models import REPORT
from webapp.reports import missing_glyphs
from webapp.shares import links
from webapp.shares.frozen import Frozen
from webapp.shares.models import Share

pytestmark = pytest.mark.django_db

FORM = {
    "title": "A title",
    "authors": "Ada",
    "notes": "x",
    "curves": "on",
    "examples": "some",
    "highlights": "",
    "kind": "frozen",
}


@pytest.fixture
def experiment(client: Client, owner: User) -> Experiment:
    client.force_login(owner)
    return explored(owner)


def sent(client: Client, experiment: Experiment, query: str = "", **changes: str) -> Any:
    return client.post(f"/experiments/{experiment.pk}/share/{query}", {**FORM, "do": "share", **changes})


def test_the_experiments_page_leads_to_sharing_for_its_owner_alone(client: Client, experiment: Experiment) -> None:
    address = f"/experiments/{experiment.pk}/share/"
    assert f'href="{address}"' in client.get(f"/experiments/{experiment.pk}/").content.decode()
    client.force_login(User.objects.create_user("grace"))
    assert f'href="{address}"' not in client.get(f"/experiments/{experiment.pk}/").content.decode()
    assert "<form class=" not in client.get(address).content.decode()


def test_what_was_chosen_is_frozen(client: Client, experiment: Experiment) -> None:
    example = ids_of("test")[3]
    answer = sent(client, experiment, highlights=f"#{example}: Both models miss\n\n{ids_of('test')[5]}")
    share = Share.objects.get()
    assert answer["Location"] == f"/shares/{share.slug}/manage/"
    assert share.choices["highlights"][0] == {"example": str(example), "note": "Both models miss"}
    paper = Frozen(share.versions.get().content).paper
    assert (paper.title, paper.authors, len(paper.highlights)) == ("A title", "Ada", 2)


@pytest.mark.parametrize(
    ("highlights", "why"),
    [
        ("the first one", "does not begin with the number of an example: the first one"),
        ("12 " + "x" * 501, "longer than 500 characters"),
        ("\n".join(str(number) for number in range(25)), "At most 24 examples"),
        ("999999999999 of nothing", "This cannot be shared"),
    ],
)
def test_what_cannot_be_highlighted_is_said(client: Client, experiment: Experiment, highlights: str, why: str) -> None:
    answer = sent(client, experiment, highlights=highlights)
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Share.objects.exists()


def test_what_is_at_work_cannot_be_shared_yet(client: Client, owner: User) -> None:
    client.force_login(owner)
    answer = sent(client, launched(owner))
    assert answer.status_code == 422
    assert "This cannot be shared" in answer.content.decode()


def test_a_preview_stores_nothing(client: Client, experiment: Experiment) -> None:
    answer = sent(client, experiment, do="preview", title="Only looked at")
    assert answer.status_code == 200
    assert "Only looked at" in answer.content.decode()
    assert "version 1" in answer.content.decode()
    assert "Live, may change" in sent(client, experiment, do="preview", kind="live").content.decode()
    assert not Share.objects.exists()


def test_a_new_version_begins_with_what_was_chosen_last(client: Client, owner: User) -> None:
    share = frozen(owner)
    client.force_login(owner)
    assert share.experiment
    assert CHOICES.title in client.get(f"/experiments/{share.experiment.pk}/share/?of={share.slug}").content.decode()
    sent(client, share.experiment, f"?of={share.slug}", title="Second")
    assert [version.number for version in share.versions.all()] == [2, 1]


def test_live_is_a_choice_of_its_own(client: Client, experiment: Experiment) -> None:
    sent(client, experiment, kind="live")
    share = Share.objects.get()
    assert share.live
    assert "Live, changes as the experiment does" in client.get(f"/shares/{share.slug}/manage/").content.decode()


def test_a_new_link_is_shown_once_and_opens_the_share(client: Client, owner: User) -> None:
    share = frozen(owner)
    client.force_login(owner)
    given = {"name": "reviewers", "days": "7", "password": "", "previews": "on"}
    answer = client.post(f"/shares/{share.slug}/links/", given)
    assert "no-store" in answer["Cache-Control"]
    page = answer.content.decode()
    match = re.search(r'value="http://testserver(/s/[^"]+/)"', page)
    assert match
    assert Client().get(match[1]).status_code == 200
    frame = re.search(r"http://testserver(/e/[^&]+/)&quot;", page)
    assert frame
    assert Client().get(frame[1]).status_code == 200
    later = client.get(f"/shares/{share.slug}/manage/").content.decode()
    assert "reviewers" in later
    assert match[1] not in later


@pytest.mark.parametrize("days", ["0", "366", "soon", ""])
def test_a_link_without_an_end_is_not_made(client: Client, owner: User, days: str) -> None:
    share = frozen(owner)
    client.force_login(owner)
    assert client.post(f"/shares/{share.slug}/links/", {"days": days}).status_code == 422
    assert not share.links.exists()


def test_owners_see_what_became_of_each_link_and_colleagues_only_the_permalinks(client: Client, owner: User) -> None:
    share = frozen(owner)
    guest, link, _ = visitor(share, name="reviewers")
    guest.get(f"/shared/{share.slug}/")
    client.force_login(owner)
    client.post(f"/shares/{share.slug}/links/{link.pk}/revoke/")
    page = client.get(f"/shares/{share.slug}/manage/").content.decode()
    assert "revoked" in page
    assert "1 view<" in page
    assert guest.get(f"/shared/{share.slug}/").status_code == 404
    client.force_login(User.objects.create_user("grace"))
    page = client.get(f"/shares/{share.slug}/manage/").content.decode()
    assert f"/shares/{share.slug}/v1/" in page
    assert "reviewers" not in page


def test_a_link_is_revoked_only_at_its_own_share(client: Client, owner: User) -> None:
    share, other = frozen(owner), Share.objects.create(owner=User.objects.create_user("grace"), title="Other", choices={})
    link, _ = links.make_link(other, other.owner)
    client.force_login(owner)
    assert client.post(f"/shares/{share.slug}/links/{link.pk}/revoke/").status_code == 404
    link.refresh_from_db()
    assert link.state == "open"


def test_the_list_has_the_own_shares_and_an_admins_all(client: Client, owner: User) -> None:
    share = frozen(owner)
    visitor(share)
    for user, sees in ((owner, True), (User.objects.create_user("grace"), False), (User.objects.create_superuser("root"), True)):
        client.force_login(user)
        assert (share.slug in client.get("/shares/").content.decode()) == sees
    assert share.experiment
    share.experiment.delete()
    assert CHOICES.title in client.get("/shares/").content.decode()
    assert "its experiment was deleted" in client.get(f"/shares/{share.slug}/manage/").content.decode()


def test_examples_are_proposed_from_the_list_and_their_page_and_are_the_highlights_of_a_new_share(
    client: Client, experiment: Experiment
) -> None:
    first, second = sorted(ids_of("test")[:2])
    home = f"/experiments/{experiment.pk}/examples/"
    assert client.get(home).content.decode().count("Add to report") > 50
    assert "Add to report" in client.get(f"{home}{first}/").content.decode()
    answer = client.post(f"{home}{first}/write/?cell=1", {"do": "tag", "text": REPORT, "from": "list"})
    assert answer["Location"] == f"{home}?cell=1#row-{first}"
    client.post(f"{home}{second}/write/", {"do": "tag", "text": REPORT})
    assert "Proposed for the report" in client.get(f"{home}{second}/").content.decode()

    form = client.get(f"/experiments/{experiment.pk}/share/").content.decode()
    assert re.search(rf"<textarea[^>]*highlights[^>]*>\s*{first}\n{second}</textarea>", form)
    assert f'href="{home}{first}/"' in form
    sent(client, experiment, highlights=f"{first}\n{second}")
    share = Share.objects.get()
    shown = Frozen(share.versions.get().content).paper.highlights
    assert [example_id.example for example_id in shown] == [first, second]
    assert all(example_id.cell for example_id in shown)

    client.post(f"{home}{second}/write/", {"do": "untag", "text": REPORT})
    assert "Proposed for the report" not in client.get(f"{home}{second}/").content.decode()


def test_what_is_proposed_is_offered_beside_the_highlights_of_an_old_version_and_does_not_change_them(
    client: Client, experiment: Experiment, owner: User
) -> None:
    first, second = sorted(ids_of("test")[:2])
    sent(client, experiment, highlights=str(first))
    slug = Share.objects.get().slug
    notes.tag(owner, experiment.runs.all()[0].run_spec.fingerprint, second, REPORT)
    form = client.get(f"/experiments/{experiment.pk}/share/?of={slug}").content.decode()
    assert re.search(rf"<textarea[^>]*highlights[^>]*>\s*{first}</textarea>", form)
    assert f"examples/{second}/" in form


def test_examples_of_half_b_are_proposed_for_nothing(client: Client, experiment: Experiment, owner: User) -> None:
    home, example = f"/experiments/{experiment.pk}/examples/", ids_of("transfer")[0]
    for path in ("?split=transfer", f"{example}/?split=transfer"):
        assert "Add to report" not in client.get(f"{home}{path}").content.decode()
    notes.tag(owner, experiment.runs.all()[0].run_spec.fingerprint, int(example), REPORT)
    assert f"examples/{example}/" not in client.get(f"/experiments/{experiment.pk}/share/").content.decode()


def test_an_author_is_warned_before_and_after_freezing_of_scripts_that_the_pdf_cannot_show(
    client: Client, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_glyphs, "on_this_machine", lambda char: False)
    thai = {"title": "\N{THAI CHARACTER MO MA}\N{CJK UNIFIED IDEOGRAPH-4E2D}"}
    answer = sent(client, experiment, **thai)
    assert answer.status_code == 422
    assert "no font of this server has them: CJK, Thai." in " ".join(answer.content.decode().split())
    assert not Share.objects.exists()
    assert sent(client, experiment, **thai, confirmed="Thai").status_code == 422
    confirmed = sent(client, experiment, **thai, confirmed="CJK, Thai")
    managed = " ".join(client.get(confirmed["Location"]).content.decode().split())
    assert "Its PDF shows characters of these scripts as empty boxes: CJK, Thai." in managed


def test_nobody_is_warned_of_texts_that_the_pdf_can_show(
    client: Client, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_glyphs, "on_this_machine", lambda char: False)
    answer = sent(client, experiment, title="Älter als − 1")
    assert answer.status_code == 302
    assert "empty boxes" not in client.get(answer["Location"]).content.decode()
