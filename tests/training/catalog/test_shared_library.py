"""The data set library of a laboratory with a shared store: what one machine adds, every machine has when it needs it."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.factories.datasets import card
from training import catalog
from training.catalog import library, outside, shared_library
from training.catalog.outside import OutsideCard
from training.storage.checksums import DamagedArtifact
from training.storage.remote import StoreUnreachable

CONTENT = b"the rows of a data set"
FINGERPRINT = hashlib.sha256(CONTENT).hexdigest()

Machine = Callable[[str], None]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


@pytest.fixture
def machine(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Be the machine of this name, with a library folder of its own."""
    monkeypatch.setenv("ARTIFACTS_URL", shared.as_uri())
    monkeypatch.setattr(shared_library, "FRESH_SECONDS", -1.0)
    return lambda name: monkeypatch.setenv("DATASETS_DIR", str(tmp_path / name))


def add(tmp_path: Path, name: str = "mine", content: bytes = CONTENT) -> None:
    (tmp_path / "new.parquet").write_bytes(content)
    library.put(card(name, hashlib.sha256(content).hexdigest()), tmp_path / "new.parquet")


def test_a_data_set_that_one_machine_imported_is_known_and_read_on_another(machine: Machine, tmp_path: Path) -> None:
    machine("web")
    add(tmp_path)

    machine("worker")

    assert library.names() == ["mine"]
    assert library.get("mine") == library.Card.model_validate_json((tmp_path / "web" / "mine.json").read_bytes())
    assert "mine" in catalog.ready_datasets()
    path = catalog.examples_of("mine", FINGERPRINT)
    assert path == tmp_path / "worker" / f"{FINGERPRINT}.parquet"
    assert path.read_bytes() == CONTENT
    assert library.get("another") is None


def test_a_name_that_means_another_file_by_now_means_it_everywhere(machine: Machine, tmp_path: Path) -> None:
    machine("web")
    add(tmp_path)
    machine("worker")
    assert library.get("mine")
    machine("web")
    add(tmp_path, content=b"other rows")
    machine("worker")

    renewed = library.get("mine")

    assert renewed
    assert renewed.fingerprint == hashlib.sha256(b"other rows").hexdigest()
    assert catalog.examples_of("mine", FINGERPRINT).read_bytes() == CONTENT, "older runs find their own file"


def test_a_truncated_data_set_of_the_store_is_not_read(machine: Machine, tmp_path: Path, shared: Path) -> None:
    machine("web")
    add(tmp_path)
    (shared / "datasets" / f"{FINGERPRINT}.parquet").write_bytes(CONTENT[:5])
    machine("worker")

    with pytest.raises(DamagedArtifact, match=f"The data set {FINGERPRINT[:12]} is damaged"):
        catalog.examples_of("mine", FINGERPRINT)

    assert not list((tmp_path / "worker").glob("*.parquet"))


def test_what_is_here_is_used_while_the_store_is_away(machine: Machine, tmp_path: Path, shared: Path) -> None:
    machine("web")
    add(tmp_path)
    shared.rename(tmp_path / "unmounted")

    assert library.names() == ["mine"]
    assert library.get("mine")
    assert catalog.examples_of("mine", FINGERPRINT).read_bytes() == CONTENT
    machine("worker")
    with pytest.raises(StoreUnreachable):
        catalog.examples_of("mine", FINGERPRINT)


def test_labels_from_outside_are_known_on_every_machine(machine: Machine, tmp_path: Path) -> None:
    machine("web")
    digest = hashlib.sha256(b"labels").hexdigest()
    given = OutsideCard(
        name="judge",
        role="supervisor",
        digest=digest,
        dataset="mine",
        fingerprint=FINGERPRINT,
        rows=4,
        files=1,
        hard=True,
        missing=0,
        shares=(0.5, 0.5),
        source="here",
        licence="MIT",
        author="",
        text="",
        made=datetime.now(UTC),
    )
    outside.file_of(digest).parent.mkdir(parents=True)
    outside.file_of(digest).write_bytes(b"labels")
    outside.put(given)

    machine("worker")

    assert outside.cards() == [given]
    assert outside.find("given:judge").digest == digest
    assert outside.fetch(digest).read_bytes() == b"labels"
