"""The examples of a frozen share: those that its author shows, as they were, and nothing that leads out of it."""

import csv
import io
import re
import shutil

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.damage import damaged
from tests.factories.explored_experiments import explored, ids_of
from tests.factories.shares import CHOICES, visitor
from webapp.artifact_store import shares_folder
from webapp.experiments.models import Run
from webapp.notes import services as notes
from webapp.reports.choices import Choices, Highlight
from webapp.shares import services
from webapp.shares.models import Share

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]
ALL = CHOICES.model_copy(update={"examples": "all"})


def opened(owner: User, choices: Choices) -> tuple[Client, str, Share]:
    share = services.share_frozen(explored(owner), choices, owner)
    return visitor(share)[0], f"/shared/{share.slug}/", share


def listed(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<tr id="row-(\d+)"', page)]


def test_all_examples_of_the_test_set_can_be_looked_at_and_filtered(owner: User) -> None:
    client, root, share = opened(owner, ALL)
    assert f'href="/shared/{share.slug}/v1/examples/"' in client.get(root).content.decode()
    page = client.get(f"{root}v1/examples/").content.decode()
    assert "300 examples" in page
    corrected = client.get(f"{root}v1/examples/?cell=5").content.decode()
    first = listed(corrected)[0]
    answer = client.get(f"{root}v1/examples/{first}/?cell=5")
    assert answer.status_code == 200
    assert "corrected, ceiling right" in answer.content.decode()
    file = client.get(f"{root}v1/examples/export/csv/?cell=5")
    match = re.search(r'role="status">(\d+) of 300 examples', corrected)
    assert match
    rows = csv.reader(io.StringIO(b"".join(file).decode()))
    assert len(list(rows)) == 1 + int(match[1])


def test_only_the_highlights_are_there_where_some_are_shown(owner: User) -> None:
    chosen = ids_of("test")[4:7]
    highlights = tuple(Highlight(example=example_id) for example_id in chosen)
    client, root, _ = opened(owner, CHOICES.model_copy(update={"highlights": highlights}))
    assert sorted(listed(client.get(f"{root}v1/examples/").content.decode())) == sorted(chosen)
    assert client.get(f"{root}v1/examples/{ids_of('test')[0]}/").status_code == 404


def test_examples_chosen_by_hand_have_no_accuracies(owner: User) -> None:
    """Neither a matrix with shares, nor a measure, nor a histogram: they would be of what the author picked."""
    highlights = tuple(Highlight(example=example_id) for example_id in ids_of("test")[4:6])
    client, root, _ = opened(owner, CHOICES.model_copy(update={"highlights": highlights}))
    page = client.get(f"{root}v1/examples/").content.decode()
    assert "No accuracy or agreement is computed for examples chosen by hand." in page
    assert not re.search(r'class="slice-facts"|aria-label="The eight cells"|class="filter-histograms"|\d%', page)
    client, root, _ = opened(owner, ALL)
    assert 'class="slice-facts"' in client.get(f"{root}v1/examples/").content.decode()


@pytest.mark.parametrize("choices", [CHOICES, ALL.model_copy(update={"examples": "none"})])
def test_a_share_without_examples_has_no_page_of_them(owner: User, choices: Choices) -> None:
    client, root, _ = opened(owner, choices)
    assert "/examples/" not in client.get(root).content.decode()
    for path in ("examples/", f"examples/{ids_of('test')[0]}/", "examples/export/csv/"):
        assert client.get(f"{root}v1/{path}").status_code == 404


def test_half_b_and_locked_examples_are_out_of_reach(owner: User) -> None:
    client, root, _ = opened(owner, ALL)
    assert listed(client.get(f"{root}v1/examples/?split=transfer").content.decode()) == []
    for split in ("transfer", "locked"):
        assert client.get(f"{root}v1/examples/{ids_of(split)[0]}/?split=transfer").status_code == 404


def test_what_the_team_has_written_and_the_rest_of_the_laboratory_do_not_show(owner: User) -> None:
    client, root, share = opened(owner, ALL)
    run, example = Run.objects.all()[0], ids_of("test")[0]
    notes.tag(owner, run.run_spec.fingerprint, example, "secret-tag")
    notes.note(owner, run.run_spec.fingerprint, example, "A secret note")
    assert listed(client.get(f"{root}v1/examples/?tag=secret-tag").content.decode()) == []
    for path in ("v1/examples/", f"v1/examples/{example}/"):
        page = client.get(root + path).content.decode()
        assert "secret" not in page
        inside = re.findall(r'(?:href|action|src|hx-get|hx-post)="(/[^"]*)"', page)
        assert inside
        assert [address for address in inside if not address.startswith((f"/shared/{share.slug}/", "/static/"))] == []


def test_the_examples_are_as_they_were_when_everything_else_is_gone(owner: User) -> None:
    client, root, share = opened(owner, ALL)
    paths = ("v1/examples/", "v1/examples/?cell=5", f"v1/examples/{ids_of('test')[3]}/")
    before = [client.get(root + path).content for path in paths]
    assert share.experiment
    share.experiment.delete()
    Run.objects.all().delete()
    for folder in (settings.ARTIFACTS_DIR, settings.EXAMPLES_DIR):
        shutil.rmtree(folder, ignore_errors=True)
    assert [client.get(root + path).content for path in paths] == before


def test_examples_that_are_not_what_was_frozen_are_not_shown(owner: User) -> None:
    client, root, share = opened(owner, ALL)
    texts = shares_folder() / share.versions.get().content / "examples/texts.parquet"
    damaged(texts, lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"))
    answer = client.get(f"{root}v1/examples/")
    assert answer.status_code == 503
    assert "examples/texts.parquet is not what was frozen" in answer.content.decode()
