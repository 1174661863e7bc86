"""The files of a worker by HTTPS: only its own, only under known names, and visible as a whole or not at all."""

import hashlib
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from tests.factories import claims
from tests.factories.experiments import finish, launched
from tests.factories.https_workers import HttpsWorker
from webapp.actions import worker_files
from webapp.experiments.models import Run, Status

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]
CONTENT = b"content of a file"


@pytest.fixture
def worker(owner: User) -> HttpsWorker:
    launched(owner)
    return HttpsWorker()


def artifact(name: str) -> Path:
    return Path(settings.ARTIFACTS_DIR) / name


def test_a_file_of_the_workers_run_is_stored_and_read_again(worker: HttpsWorker) -> None:
    name = f"runs/{worker.claim()['key']}/checkpoint.bin"
    assert worker.get(name).status_code == 404
    assert worker.put(name, CONTENT).status_code == 204
    assert worker_files.store().read(name) == CONTENT
    answer = worker.get(name)
    assert (answer.status_code, b"".join(answer)) == (200, CONTENT)
    assert worker.client.head(f"{worker.path}/files/{name}")["Content-Length"] == str(len(CONTENT))
    part = worker.get(name, range="bytes=3-9")
    assert (part.status_code, part.content, part["Content-Range"]) == (206, CONTENT[3:10], f"bytes 3-9/{len(CONTENT)}")
    assert worker.ask("GET", f"/files?prefix={name[:-4]}").json() == {"names": [name]}
    assert worker.client.delete(f"{worker.path}/files/{name}").status_code == 204
    assert worker_files.store().size(name) is None


@pytest.mark.parametrize("digest", ["0" * 64, "no digest"])
def test_a_file_that_arrives_changed_leaves_nothing(worker: HttpsWorker, digest: str) -> None:
    key = worker.claim()["key"]
    assert worker.put(f"runs/{key}/predictions.parquet", CONTENT, digest).status_code == 422
    assert not list(artifact(f"runs/{key}").glob("*"))


def test_files_with_events_of_earlier_attempts_are_the_laboratorys_own(worker: HttpsWorker) -> None:
    name = f"runs/{worker.claim()['key']}/events-{'0' * 16}.parquet"
    for changed in (name, f"{name}.sha256"):
        assert worker.put(changed, CONTENT).status_code == 403
        assert worker.client.delete(f"{worker.path}/files/{changed}").status_code == 403


def test_files_of_a_run_that_the_worker_does_not_hold_are_refused(worker: HttpsWorker, owner: User) -> None:
    own = worker.claim()
    other = claims.claim_next("worker@test")
    assert other
    name = f"runs/{other.key}/predictions.parquet"
    artifact(name).parent.mkdir(parents=True, exist_ok=True)
    artifact(name).write_bytes(b"of another")
    answers = [worker.put(name, CONTENT), worker.get(name), worker.client.delete(f"{worker.path}/files/{name}")]
    answers.append(worker.ask("GET", f"/files?prefix=runs/{other.key}/"))
    assert [answer.status_code for answer in answers] == [403] * 4
    assert artifact(name).read_bytes() == b"of another"
    Run.objects.filter(pk=own["id"]).update(attempt=2, worker="another")
    assert worker.put(f"runs/{own['key']}/predictions.parquet", CONTENT).status_code == 403


def test_a_worker_reads_the_runs_that_its_own_needs_and_cannot_change_them(worker: HttpsWorker) -> None:
    weak = Run.objects.get(parts__role="weak")
    while run := Run.objects.filter(status=Status.QUEUED).exclude(needs=weak).first():
        finish(run)
    student = worker.claim()
    assert weak in Run.objects.get(pk=student["id"]).needs.all()
    name = f"runs/{weak.key}/predictions.parquet"
    answer = worker.get(name)
    assert hashlib.sha256(b"".join(answer)).digest() == hashlib.sha256(artifact(name).read_bytes()).digest()
    assert worker.put(name, CONTENT).status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        "runs/../lab.sqlite3",
        "../lab.sqlite3",
        "runs/{key}/../../lab.sqlite3",
        "runs/{key}/%2e%2e/%2e%2e/lab.sqlite3",
        "runs/{key}/.hidden",
        "runs/{key}//etc/passwd",
        "/etc/passwd",
        "runs/{key}/a/b",
        "runs/{key}",
        "quarantine/file",
        "features/a/b",
        "features/..",
        "datasets/../secret.key",
        "datasets/other.parquet",
        "checksums-complete/x",
        "runs/{key}/a%00b",
        "runs/{key}/a\\b",
    ],
)
def test_no_name_leads_anywhere_else(worker: HttpsWorker, name: str) -> None:
    path, before = name.format(key=worker.claim()["key"]), sorted(Path(settings.DATA_DIR).rglob("*"))
    assert worker.put(path, CONTENT).status_code in (400, 403, 404)
    assert worker.get(path).status_code in (400, 403, 404)
    assert [file for file in sorted(Path(settings.DATA_DIR).rglob("*")) if file not in before and file.is_file()] == []


def test_a_shared_file_is_written_once_and_never_replaced(worker: HttpsWorker) -> None:
    name = "features/0123-4.npy"
    assert worker.put(name, CONTENT).status_code == 403, "it holds no run"
    worker.claim()
    checksum = f"{hashlib.sha256(CONTENT).hexdigest()}  0123-4.npy\n".encode()
    assert worker.put(f"{name}.sha256", b"of a worker that was killed").status_code == 204
    assert worker.put(f"{name}.sha256", checksum).status_code == 204
    assert worker.put(name, b"other content").status_code == 409
    assert worker_files.store().size(name) is None
    assert worker.put(name, CONTENT).status_code == 204
    assert worker.put(name, b"other content").status_code == 409
    assert worker.put(f"{name}.sha256", b"another").status_code == 409
    for file in (name, f"{name}.sha256"):
        assert worker.client.delete(f"{worker.path}/files/{file}").status_code == 409
    assert worker_files.store().read(name) == CONTENT


def test_a_shared_file_that_is_damaged_is_removed_and_sent_anew(worker: HttpsWorker, tmp_path: Path) -> None:
    worker.claim()
    name = "features/0123-4.npy"
    worker.put(f"{name}.sha256", f"{hashlib.sha256(CONTENT).hexdigest()}  0123-4.npy\n".encode())
    worker.put(name, CONTENT)
    (tmp_path / "damaged").write_bytes(b"damaged")
    worker_files.store().upload(tmp_path / "damaged", name)
    assert worker.client.delete(f"{worker.path}/files/{name}").status_code == 204
    assert worker.put(name, CONTENT).status_code == 204


@pytest.mark.embedded("has its data sets in the folder of the library")
def test_the_data_set_of_a_run_is_read_and_no_other(worker: HttpsWorker, dataset_library: Path) -> None:
    fingerprint = worker.claim()["spec"]["fingerprint"]
    for name in (f"{fingerprint}.parquet", f"{'0' * 64}.parquet"):
        dataset_library.mkdir(exist_ok=True)
        (dataset_library / name).write_bytes(CONTENT)
    assert worker.get(f"datasets/{fingerprint}.parquet").status_code == 200
    assert worker.get(f"datasets/{'0' * 64}.parquet").status_code == 403
    assert worker.put(f"datasets/{fingerprint}.parquet", CONTENT).status_code == 403
