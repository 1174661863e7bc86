"""A reader gets the same bytes of a frozen share for ever, and of a live one the experiment as it is."""

import queue
import re
import shutil
import threading

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from tests.factories.damage import damaged
from tests.factories.explored_experiments import explored
from tests.factories.shares import CHOICES, frozen, live, visitor
from webapp.artifact_store import shares_folder
from webapp.charts.renderers import RENDERERS
from webapp.experiments import lifecycle, run_launch
from webapp.experiments.models import Experiment, Run
from webapp.reports.report import Report
from webapp.shares import services
from webapp.shares.freezing import MADE, PRINTED
from webapp.shares.models import Link, Share

pytestmark = pytest.mark.django_db

FILES = (
    *("", "v1/", "v1/offline.html", "v1/paper.pdf", "v1/card.png"),
    *("v1/charts/gap-0.csv", "v1/charts/curves-0.csv", "v1/charts/decomposition-0.csv"),
)


def seen(client: Client, root: str) -> dict[str, bytes]:
    answers = {name: client.get(f"{root}{name}") for name in FILES}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(FILES, 200)
    return {name: answer.content for name, answer in answers.items()}


def test_a_frozen_share_is_the_same_bytes_after_its_experiment_is_renamed_retrained_and_deleted(owner: User) -> None:
    share = frozen(owner)
    client, _, _ = visitor(share)
    root, experiment = f"/shared/{share.slug}/", share.experiment
    before = seen(client, root)
    assert experiment

    Experiment.objects.filter(pk=experiment.pk).update(name="Renamed")
    User.objects.filter(pk=owner.pk).update(username="lovelace", first_name="Augusta")
    assert seen(client, root) == before

    for path in list((settings.ARTIFACTS_DIR / "runs").rglob("*.parquet")):
        path.unlink()
    experiment.refresh_from_db()
    run_launch.launch(experiment)
    Experiment.objects.filter(pk=experiment.pk).update(result=None, result_runs=[])
    assert seen(client, root) == before

    experiment.delete()
    Run.objects.all().delete()
    for folder in (settings.ARTIFACTS_DIR, settings.EXAMPLES_DIR):
        shutil.rmtree(folder, ignore_errors=True)
    assert seen(client, root) == before
    assert Share.objects.get(pk=share.pk).experiment is None


def test_a_later_version_is_what_the_link_opens_and_the_old_one_stays(owner: User) -> None:
    share = frozen(owner)
    client, _, _ = visitor(share)
    root = f"/shared/{share.slug}/"
    old = client.get(f"{root}offline.html").content
    services.renew(share, CHOICES.model_copy(update={"title": "A later title"}), owner)
    assert client.get(f"{root}v1/offline.html").content == old
    assert client.get(f"{root}v2/offline.html").content == client.get(f"{root}offline.html").content != old
    assert "A later title" in client.get(root).content.decode()
    assert client.get(f"{root}v3/").status_code == 404


def test_a_damaged_version_is_refused_with_a_sentence(owner: User) -> None:
    share = frozen(owner)
    client, _, _ = visitor(share)
    paper = shares_folder() / share.versions.get().content / "paper.json"
    damaged(paper, lambda path: path.write_text(path.read_text().replace(CHOICES.title, "What was never found")))
    answer = client.get(f"/shared/{share.slug}/")
    assert answer.status_code == 503
    assert "paper.json is not what was frozen, so it is not shown." in answer.content.decode()
    assert "What was never found" not in answer.content.decode()


def test_accounts_read_the_same_page_by_its_permalink_without_a_link(client: Client, owner: User) -> None:
    share = frozen(owner)
    guest, _, _ = visitor(share)
    assert client.get(f"/shares/{share.slug}/").status_code == 302
    client.force_login(User.objects.create_user("grace"))
    by_link, by_account = seen(guest, f"/shared/{share.slug}/"), seen(client, f"/shares/{share.slug}/")
    for name in FILES:
        same = re.sub(rb'<p class="visiting">.*?</p>', b"", by_account[name], flags=re.DOTALL)
        assert same.replace(b"/shares/", b"/shared/") == by_link[name].replace(b"/shares/", b"/shared/"), name
    assert client.get(f"/shared/{share.slug}/").status_code == 404


def test_a_share_leads_who_is_logged_in_back_to_its_experiment_and_visitors_nowhere(client: Client, owner: User) -> None:
    share = services.share_frozen(explored(owner), CHOICES.model_copy(update={"examples": "all"}), owner)
    guest, _, token = visitor(share)
    client.force_login(owner)
    client.get(f"/s/{token}/")
    for path in ("", "v1/", "v1/examples/"):
        for root in (f"/shared/{share.slug}/", f"/shares/{share.slug}/"):
            text = client.get(f"{root}{path}").content.decode()
            assert "You are logged in and see this page as visitors see it." in text, path
            assert f'href="/experiments/{share.experiment_id}/"' in text, path
        answer = guest.get(f"/shared/{share.slug}/{path}").content.decode()
        assert "You are logged in" not in answer
        assert "/experiments/" not in answer


def test_a_share_leads_to_no_experiment_that_was_deleted(client: Client, owner: User) -> None:
    share = services.share_frozen(explored(owner), CHOICES.model_copy(update={"examples": "all"}), owner)
    gone = share.experiment_id
    lifecycle.delete(Experiment.objects.get())
    client.force_login(owner)
    for path in ("", "v1/examples/", "manage/"):
        text = client.get(f"/shares/{share.slug}/{path}").content.decode()
        assert "xperiment was deleted" in text
        assert f"/experiments/{gone}/" not in text


def test_views_are_those_of_pages_by_visitors(owner: User) -> None:
    share = frozen(owner)
    client, link, token = visitor(share)
    colleague = Client()
    colleague.force_login(owner)

    def views() -> int:
        return Link.objects.get(pk=link.pk).views

    assert views() == 0  # the link's page itself, which chat tools fetch too
    for path in (f"/s/{token}/", f"/shared/{share.slug}/v1/offline.html", f"/shared/{share.slug}/v1/charts/gap-0.csv"):
        client.get(path)
    client.head(f"/shared/{share.slug}/")
    colleague.get(f"/s/{token}/")
    assert colleague.get(f"/shared/{share.slug}/").status_code == 200
    assert views() == 0
    client.get(f"/shared/{share.slug}/")
    client.get(f"/shared/{share.slug}/v1/")
    assert views() == 2
    assert Link.objects.get(pk=link.pk).last_viewed_at


def test_a_chart_is_a_picture_too_and_what_there_is_not_is_not_found(owner: User) -> None:
    share = frozen(owner)
    client, _, _ = visitor(share)
    root = f"/shared/{share.slug}/v1/charts/"
    picture = client.get(f"{root}gap-0.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert picture.content.startswith(b"<svg")
    for name in ("gap-7.svg", "gap-0.gif", "map-0.png"):
        assert client.get(f"{root}{name}").content == Client().get("/s/x/").content


def test_a_live_share_shows_what_the_experiment_is_now(owner: User) -> None:
    share = live(owner)
    client, _, _ = visitor(share)
    root = f"/shared/{share.slug}/"
    assert client.get(f"{root}charts/gap-0.csv").status_code == 200
    assert client.get(f"{root}v1/").status_code == 404
    Experiment.objects.update(result=None)
    answer = client.get(root)
    assert answer.status_code == 404
    assert "There is nothing to show yet" in answer.content.decode()
    assert share.experiment
    share.experiment.delete()
    assert client.get(root).content == Client().get("/s/x/").content


def test_a_live_page_without_curves_opens_no_socket_for_them(owner: User) -> None:
    share = live(owner)
    client, _, _ = visitor(share)
    root = f"/shared/{share.slug}/"
    assert b'id="wire"' in client.get(root).content
    services.renew(share, CHOICES.model_copy(update={"curves": False}), owner)
    assert b'id="wire"' not in client.get(root).content


def test_files_of_a_live_page_are_made_again_only_when_it_has_changed(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    share = live(owner)
    client, _, _ = visitor(share)
    made: list[str] = []

    def printed(paper: Report) -> bytes:
        made.append(paper.title)
        return b"%PDF"

    monkeypatch.setitem(MADE, PRINTED, printed)
    address = f"/shared/{share.slug}/paper.pdf"
    client.get(address), client.get(address)
    Share.objects.update(choices={**share.choices, "title": "Another"})
    client.get(address)
    assert made == [CHOICES.title, "Another"]


@pytest.mark.django_db(transaction=True)
def test_freezing_does_not_wait_for_sixteen_pdfs_that_one_visitor_asks_for_who_is_told_to_wait(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    share, released, begun = live(owner), threading.Event(), threading.Event()
    client, _, _ = visitor(share)

    def printed(paper: Report) -> bytes:
        with RENDERERS.turn(60):
            begun.set()
            assert not paper.live or released.wait(60)
        return b"%PDF"

    monkeypatch.setitem(MADE, PRINTED, printed)
    address = f"/shared/{share.slug}/paper.pdf"
    answers: queue.SimpleQueue[HttpResponse] = queue.SimpleQueue()

    def ask() -> None:
        author = Client()
        author.cookies = client.cookies
        answers.put(author.get(address))  # type: ignore[arg-type]
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    refused = [answers.get(timeout=60) for _ in range(14)]
    assert {response.status_code for response in refused} == {429}
    assert refused[0]["Retry-After"] == "5"
    assert "2 files are being made for you" in refused[0].content.decode()
    assert services.share_frozen(share.experiment, CHOICES, owner).versions.count() == 1  # type: ignore[arg-type]
    another = Client()
    another.cookies = client.cookies
    assert another.get(f"/shared/{share.slug}/").status_code == 200
    released.set()
    assert [answers.get(timeout=60).status_code for _ in range(2)] == [200, 200]
    for thread in threads:
        thread.join(60)
    assert client.get(address).content == b"%PDF"
