"""Frozen versions in a store that machines share: this web server shows what another one froze, and nothing incomplete."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored, ids_of
from tests.factories.shares import CHOICES, visitor
from training.storage import shared_files
from training.storage.archive import CHECKSUMS, verify
from training.storage.remote import FolderRemote, StoreUnreachable
from training.storage.shared_files import BEGUN
from webapp.artifact_store import artifact_store, shares_folder
from webapp.shares import freezing, services
from webapp.shares.freezing import ABANDONED_SECONDS, PAPER, freeze
from webapp.shares.frozen import Damaged, Frozen
from webapp.shares.models import Share, Version

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("shared"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]
ALL = CHOICES.model_copy(update={"examples": "all"})
PAGES = (
    *("", "v1/", "v1/offline.html", "v1/paper.pdf", "v1/card.png", "v1/charts/gap-0.csv", "v1/charts/curves-0.svg"),
    *("v1/examples/", "v1/examples/?cell=5", f"v1/examples/{ids_of('test')[3]}/"),
)


@pytest.fixture
def share(owner: User, shared: Path) -> Share:
    """A share that another machine has frozen."""
    share = services.share_frozen(explored(owner), ALL, owner)
    shutil.rmtree(configured.ARTIFACTS_DIR)
    return share


def content_of(share: Share) -> str:
    return share.versions.get().content


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_every_page_and_file_of_a_share_is_the_same_on_a_web_server_that_has_nothing(
    share: Share, settings: Any, tmp_path: Path
) -> None:
    client, _, _ = visitor(share)
    root = f"/shared/{share.slug}/"
    here = {path: client.get(root + path) for path in PAGES}
    assert {path: answer.status_code for path, answer in here.items()} == dict.fromkeys(PAGES, 200)
    settings.ARTIFACTS_DIR, settings.EXAMPLES_DIR = tmp_path / "other", tmp_path / "tables"

    assert {path: client.get(root + path).content for path in PAGES} == {path: page.content for path, page in here.items()}

    exported = b"".join(client.get(f"{root}v1/examples/export/csv/"))
    assert exported.count(b"\n") > 300
    assert (tmp_path / "other/shares" / content_of(share) / PAPER).exists()


def test_the_page_of_a_share_downloads_no_examples(share: Share) -> None:
    client, _, _ = visitor(share)
    assert "examples/" in client.get(f"/shared/{share.slug}/").content.decode()
    assert set(names(shares_folder() / content_of(share))) <= {CHECKSUMS, PAPER, "card.png"}


def test_a_version_is_uploaded_whole_with_its_list_of_checksums_last(
    owner: User, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, uploaded, upload = explored(owner), list[str](), FolderRemote.upload

    def noted(remote: FolderRemote, source: Path, name: str) -> None:
        uploaded.append(name)
        upload(remote, source, name)

    monkeypatch.setattr(FolderRemote, "upload", noted)
    content = freeze(experiment, ALL, owner).content

    assert uploaded[0] == BEGUN + content
    assert uploaded[-1] == f"shares/{content}/{CHECKSUMS}"
    assert verify(shared / "shares" / content) == content
    assert names(shared / "shares" / content) == names(shares_folder() / content)


def test_an_upload_that_breaks_off_leaves_nothing_visible_and_is_swept_later(
    owner: User, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, upload = explored(owner), FolderRemote.upload

    def breaks_off(remote: FolderRemote, source: Path, name: str) -> None:
        if name.endswith(PAPER):
            raise StoreUnreachable("The store is away.")
        upload(remote, source, name)

    with monkeypatch.context() as patch:
        patch.setattr(FolderRemote, "upload", breaks_off)
        with pytest.raises(StoreUnreachable):
            services.share_frozen(experiment, ALL, owner)
    [left] = (shared / "shares").iterdir()

    assert not Share.objects.exists()
    assert names(left)
    assert names(shares_folder()) == []
    with pytest.raises(Damaged, match=f"{CHECKSUMS} of this version is missing"):
        _ = Frozen(left.name).paper

    freezing._sweep()
    assert names(left), "it may still be uploaded"
    (shared / BEGUN / left.name).write_text(str(time.time() - ABANDONED_SECONDS - 60))
    freezing._sweep()
    assert names(shared / "shares") == names(shared / BEGUN) == []


def test_a_sweep_leaves_versions_of_the_database(share: Share, shared: Path) -> None:
    content = content_of(share)
    (shared / BEGUN / content).write_text("unreadable")
    freezing._sweep()
    assert names(shared / BEGUN) == []
    assert verify(shared / "shares" / content) == content


@pytest.mark.parametrize("name", [PAPER, CHECKSUMS, "examples/texts.parquet"])
def test_a_truncated_file_of_the_store_is_named_and_never_shown(share: Share, shared: Path, name: str) -> None:
    client, _, _ = visitor(share)
    shutil.rmtree(configured.ARTIFACTS_DIR)
    os.truncate(shared / "shares" / content_of(share) / name, 40)

    answer = client.get(f"/shared/{share.slug}/v1/examples/")

    assert answer.status_code == 503
    assert f"{name} is not what was frozen, so it is not shown." in answer.content.decode()
    assert not (shares_folder() / content_of(share) / name).exists()


def test_a_damaged_copy_is_replaced_by_the_file_of_the_store(share: Share) -> None:
    version = Frozen(content_of(share))
    paper = version.read(PAPER)
    copy = version.folder / PAPER
    times = copy.stat()
    copy.write_bytes(paper.replace(b"a", b"b"))
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert version.read(PAPER) == paper == copy.read_bytes()


def test_without_the_store_a_share_whose_copy_is_here_is_shown_and_another_one_is_503(
    share: Share, shared: Path, client: Client
) -> None:
    client.force_login(share.owner)
    root = f"/shares/{share.slug}/"
    before = client.get(root).content
    shared.rename(shared.with_name("unmounted"))

    assert client.get(root).content == before
    answer = client.get(f"{root}v1/examples/")
    assert answer.status_code == 503
    assert "The store of artifacts cannot be reached now" in answer.content.decode()
    assert visitor(share)[0].get(f"/shared/{share.slug}/v1/examples/").status_code == 503

    shared.with_name("unmounted").rename(shared)
    assert client.get(f"{root}v1/examples/").status_code == 200


def test_copies_of_shares_count_to_the_bound_and_are_fetched_again(
    share: Share, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _, _ = visitor(share)
    examples = f"/shared/{share.slug}/v1/examples/"
    before = client.get(examples).content
    own = shares_folder() / "not-uploaded" / PAPER
    own.parent.mkdir()
    own.write_text("{}")
    settings.ARTIFACTS_CACHE_BYTES = 10.0
    monkeypatch.setattr(shared_files, "USED_SECONDS", 0.0)
    shared = artifact_store().shared
    assert shared

    shared.shrink()

    assert names(shares_folder()) == [f"not-uploaded/{PAPER}"], "what the store lacks stays"
    settings.ARTIFACTS_CACHE_BYTES = 1e9
    assert client.get(examples).content == before


def test_a_folder_of_shares_that_was_copied_to_the_store_is_shown(
    owner: User, shared: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ARTIFACTS_URL = ""
    monkeypatch.delenv("ARTIFACTS_URL")
    share = services.share_frozen(explored(owner), ALL, owner)
    client, _, _ = visitor(share)
    before = {path: client.get(f"/shared/{share.slug}/{path}").content for path in PAGES}

    shutil.copytree(configured.SHARES_DIR, shared / "shares")
    shutil.rmtree(configured.SHARES_DIR)
    settings.ARTIFACTS_URL = shared.as_uri()
    monkeypatch.setenv("ARTIFACTS_URL", shared.as_uri())

    assert {path: client.get(f"/shared/{share.slug}/{path}").content for path in PAGES} == before


def test_the_same_version_frozen_again_mends_what_is_damaged_in_the_store(owner: User, shared: Path) -> None:
    experiment = explored(owner)
    content = freeze(experiment, CHOICES, owner).content
    os.truncate(shared / "shares" / content / PAPER, 40)
    assert freeze(experiment, CHOICES, owner).content == content
    assert verify(shared / "shares" / content) == content
    assert not Version.objects.exists()
