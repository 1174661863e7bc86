"""A store below one address: a mounted folder, and object storage behind a real server of the S3 protocol."""

import os
import pickle
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.disks import DISK, small_disk
from tests.factories.object_storage import ObjectStorage
from training.environment import SettingError
from training.storage.remote import FolderRemote, FsspecRemote, Remote, StoreUnreachable, create, open_remote

PART = 5 * 2**20
"""The smallest part of a multi-part upload that the protocol allows."""
PARTLY = """
import os, signal, sys
from pathlib import Path
from aiobotocore.client import AioBaseClient
from training.storage.remote import FsspecRemote

call, parts = AioBaseClient._make_api_call, []

async def and_die(self, name, request):
    answer = await call(self, name, request)
    if name == "UploadPart":
        parts.append(name)
        if len(parts) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return answer

AioBaseClient._make_api_call = and_die
FsspecRemote(sys.argv[1], int(sys.argv[3])).upload(Path(sys.argv[2]), "runs/a/weights.safetensors")
"""
"""A process that is killed when the server has two parts of its upload."""


@pytest.fixture(params=["file", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Remote:
    if request.param == "file":
        (tmp_path / "shared folder").mkdir()
        return open_remote((tmp_path / "shared folder").as_uri())
    server: ObjectStorage = request.getfixturevalue("storage_server")
    return open_remote(f"{server.bucket()}/laboratory")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_file_is_what_was_uploaded(remote: Remote, tmp_path: Path) -> None:
    remote.upload(written(tmp_path / "here", b"0123456789"), "runs/a/run.json")

    remote.download("runs/a/run.json", tmp_path / "there" / "copy")

    assert (tmp_path / "there" / "copy").read_bytes() == b"0123456789"
    assert remote.size("runs/a/run.json") == 10
    assert remote.read("runs/a/run.json") == b"0123456789"
    assert remote.read("runs/a/run.json", 3, 4) == b"3456"
    assert remote.read("runs/a/run.json", 8, 4) == b"89"


def test_files_are_listed_by_the_beginning_of_their_names(remote: Remote, tmp_path: Path) -> None:
    assert list(remote.names("")) == []
    names = ["runs/ab/run.json", "runs/ac/run.json", "features/ab.npy"]
    for name in names:
        remote.upload(written(tmp_path / "here", b"x"), name)

    assert set(remote.names("")) == set(names)
    assert list(remote.names("runs/ab")) == ["runs/ab/run.json"]
    assert list(remote.names("runs/ab/")) == ["runs/ab/run.json"]
    assert set(remote.names("runs/a")) == set(names[:2])
    assert list(remote.names("tokens/")) == []


def test_a_file_that_is_not_there_is_missing_and_the_target_is_left_alone(remote: Remote, tmp_path: Path) -> None:
    target = written(tmp_path / "target", b"older")

    assert remote.size("runs/a/run.json") is None
    for ask in (lambda: remote.read("runs/a/run.json"), lambda: remote.download("runs/a/run.json", target)):
        with pytest.raises(FileNotFoundError):
            ask()

    assert target.read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["target"]


def test_an_upload_replaces_and_a_removal_may_be_repeated(remote: Remote, tmp_path: Path) -> None:
    for content in (b"older", b"new"):
        remote.upload(written(tmp_path / "here", content), "a")
    assert remote.read("a") == b"new"

    remote.remove("a")
    remote.remove("a")

    assert remote.size("a") is None


def test_another_process_gets_a_remote_by_pickle_and_a_child_by_forking(remote: Remote, tmp_path: Path) -> None:
    remote.upload(written(tmp_path / "here", b"content"), "a")
    assert pickle.loads(pickle.dumps(remote)).read("a") == b"content"

    child = os.fork()
    if not child:
        os._exit(0 if remote.read("a") == b"content" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_wrong_address_does_not_look_like_an_empty_store(storage_server: ObjectStorage, tmp_path: Path) -> None:
    source = written(tmp_path / "here", b"x")
    for url in ((tmp_path / "not-mounted").as_uri(), "s3://no-such-bucket/laboratory"):
        remote = open_remote(url)
        for ask in (
            lambda remote=remote: remote.size("a"),
            lambda remote=remote: list(remote.names("")),
            lambda remote=remote: remote.read("a"),
            lambda remote=remote: remote.upload(source, "a"),
        ):
            with pytest.raises(StoreUnreachable, match=r"^The store \S+ cannot be reached: .*\.$"):
                ask()
    with pytest.raises(SettingError, match="ARTIFACTS_URL must begin with file://, s3://"):
        open_remote("ftp://host/folder")


def test_object_storage_that_stopped_is_named_and_serves_again(storage_server: ObjectStorage, tmp_path: Path) -> None:
    remote = open_remote(storage_server.bucket())
    remote.upload(written(tmp_path / "here", b"content"), "a")

    storage_server.stop()
    try:
        with pytest.raises(StoreUnreachable, match=r"The store s3://lab-.* cannot be reached: Could not connect"):
            remote.read("a")
    finally:
        storage_server.start()

    assert remote.read("a") == b"content"


def test_a_full_disk_is_not_blamed_on_the_store(remote: Remote, tmp_path: Path) -> None:
    remote.upload(written(tmp_path / "here", bytes(DISK)), "a")
    with small_disk(tmp_path / "disk") as small:
        if not small:
            pytest.skip("A file system of its own cannot be mounted here, which takes the rights of root.")
        written(tmp_path / "disk" / "filler", bytes(DISK // 2))

        with pytest.raises(OSError, match="No space left"):
            remote.download("a", tmp_path / "disk" / "b")

        assert [path.name for path in (tmp_path / "disk").iterdir()] == ["filler"], "no partial file is left"


def test_an_uploader_that_is_killed_leaves_nothing_that_a_reader_sees(storage_server: ObjectStorage, tmp_path: Path) -> None:
    remote = open_remote(storage_server.bucket())
    source, name = written(tmp_path / "here", os.urandom(3 * PART)), "runs/a/weights.safetensors"

    child = subprocess.run([sys.executable, "-c", PARTLY, remote.url, source, str(PART)], check=False)

    assert child.returncode == -signal.SIGKILL
    with urllib.request.urlopen(f"{storage_server.endpoint}/{remote.url.removeprefix('s3://')}?uploads") as answer:
        assert name in answer.read().decode(), "the server has its parts"
    assert remote.size(name) is None
    assert list(remote.names("")) == []
    with pytest.raises(FileNotFoundError):
        remote.download(name, tmp_path / "there")

    FsspecRemote(remote.url, PART).upload(source, name)

    assert remote.read(name) == source.read_bytes()


def test_a_partial_copy_in_a_folder_is_no_file_of_the_store(tmp_path: Path) -> None:
    remote = FolderRemote(tmp_path.as_uri())
    written(tmp_path / ".run.json.0123456789abcdef", b"ha")

    assert list(remote.names("")) == []


def test_a_bucket_is_made_once_and_its_files_stay(storage_server: ObjectStorage, tmp_path: Path) -> None:
    remote = open_remote("s3://made-by-the-laboratory/artifacts")

    create(remote)
    remote.upload(written(tmp_path / "here", b"x"), "a")
    create(remote)

    assert remote.read("a") == b"x"
