"""The socket of the embedded broker: its path is quoted in every URL, and its folder was not prepared by others."""

import hashlib
import os
from pathlib import Path

import pytest
from kombu import Connection
from redis import Redis

from webapp import broker
from webapp.broker import BrokerError


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose path is too long for a socket; the fallback folder is inside a folder of this test."""
    monkeypatch.setattr(broker, "FALLBACK", tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    return tmp_path / ("long-" * 30)


@pytest.mark.parametrize("name", ["lab#1", "what?", "c++", "a;b", "pct%41b", "it's", "plain é", "a=b&c", "x@y:z", "[1]*"])
def test_every_library_listens_at_the_same_socket_whatever_the_folder_is_called(name: str) -> None:
    data_dir = Path("/srv") / name
    path, url = str(broker.socket_path(data_dir)), broker.embedded_url(data_dir)
    assert Redis.from_url(url).connection_pool.connection_kwargs["path"] == path
    with pytest.raises(Exception, match=r".*") as unreachable:
        Connection(broker.celery_url(url)).channel()
    assert path in str(unreachable.value)


def test_a_socket_beside_the_data_needs_no_folder_elsewhere(tmp_path: Path) -> None:
    assert broker.socket_path(Path("/srv/lab")) == Path("/srv/lab/redis.sock")


def test_the_fallback_folder_is_made_for_this_account_alone(long: Path) -> None:
    broker.command(long)
    folder = broker.socket_path(long).parent
    assert folder.name == f"w2s-lab-{os.getuid()}-{hashlib.sha256(os.fsencode(long)).hexdigest()[:12]}"
    assert folder.stat().st_mode & 0o777 == 0o700
    broker.embedded_url(long)


def test_a_fallback_folder_that_others_may_enter_is_refused(long: Path) -> None:
    folder = broker.socket_path(long).parent
    folder.mkdir()
    folder.chmod(0o755)
    refused(long)


def test_a_link_in_place_of_the_fallback_folder_is_refused(long: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    broker.socket_path(long).parent.symlink_to(tmp_path / "theirs")
    refused(long)


def test_a_fallback_folder_of_another_account_is_refused(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = broker.socket_path(long).parent
    folder.mkdir(mode=0o700)
    own = os.getuid()
    monkeypatch.setattr(broker, "socket_path", lambda data_dir: folder / "redis.sock")
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    refused(long)


def refused(long: Path) -> None:
    """The check is made by the process that starts the broker and by every one that connects to it."""
    for use in (broker.command, broker.embedded_url):
        with pytest.raises(BrokerError, match="must belong to this account, and nobody else may enter it"):
            use(long)
