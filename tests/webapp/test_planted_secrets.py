"""Secrets of the installation that a library prints or an error holds are in no page, answer, log or archive."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import claims
from tests.factories.experiments import launched
from training.events import RunFailed
from training.log_redaction import redact
from webapp.accounts import tokens
from webapp.accounts.models import Scope
from webapp.archives.export import packed
from webapp.experiments import run_logs, run_stop
from webapp.experiments.models import Event, Experiment, Run, Status
from webapp.jobs.trainer import Trainer
from webapp.row_isolation import sentence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called")]

SECRETS = {
    "HF_TOKEN": "hf_PlantedTokenOfTheHub",
    "SECRET_KEY": "planted-key-of-sessions",
    "WEBHOOK_SECRET": "planted between us two",
    "OIDC_CLIENT_SECRET": "planted-client-secret",
    "METRICS_TOKEN": "planted-metrics-token",
}
PASSWORD = "planted-pass-of-the-database"


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", f"postgres://lab:{PASSWORD}@db.example.org/lab")


def leaking() -> str:
    """Return a text with every secret, as a library would print it."""
    values = "\n".join(f"using {value} now" for value in SECRETS.values())
    return f"{values}\nFATAL: could not connect to postgres://lab:{PASSWORD}@db.example.org/lab"


def assert_clean(text: str, where: object) -> None:
    assert "planted" not in text.lower().replace("test_planted", ""), where


@pytest.fixture
def failed(owner: User, tmp_path: Path) -> Experiment:
    """An experiment with a run whose trainer printed all secrets to its log and failed with an error that has them."""
    experiment = launched(owner)
    run = experiment.runs.filter(status=Status.QUEUED).first()
    assert run is not None
    claims.claim(run.pk, "worker0@lab")
    path = run_logs.path_of(run.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(leaking())
    trainer = Trainer.__new__(Trainer)
    trainer.log = path
    error = redact(f"OSError: {leaking()}")  # as training/cli/execute.py emits it
    claims.append_events(run.pk, 1, [RunFailed(error=error, log=trainer.log_tail())])
    return experiment


def test_no_page_of_a_failed_run_shows_what_its_trainer_printed(failed: Experiment, owner: User) -> None:
    run, client = Run.objects.get(error__startswith="OSError"), Client()
    client.force_login(owner)
    for path in (
        *(f"/runs/{run.pk}/", f"/runs/{run.pk}/log/?find=using", f"/runs/{run.pk}/log.txt", f"/runs/{run.pk}/status/"),
        *(f"/experiments/{failed.pk}/", f"/experiments/{failed.pk}/status/", "/", "/queue/", "/workers/"),
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert_clean(answer.content.decode(), path)
    assert "using *** now" in client.get(f"/runs/{run.pk}/log.txt").content.decode()


def test_no_answer_of_the_api_and_no_stored_event_has_one(failed: Experiment, owner: User) -> None:
    run, client = Run.objects.get(error__startswith="OSError"), Client()
    header = {"authorization": f"Bearer {tokens.make(owner, 'test', Scope.READ)[1]}"}
    for path in (f"/runs/{run.pk}", f"/runs/{run.pk}/log", f"/runs/{run.pk}/events", f"/experiments/{failed.pk}"):
        answer = client.get(f"/api/v1{path}", headers=header)
        assert answer.status_code == 200, path
        assert_clean(answer.content.decode(), path)
    assert_clean(str(list(Event.objects.values_list("payload", flat=True))), "events")
    assert_clean(f"{run.error}{run.log}", "run")


def test_no_archive_has_one(failed: Experiment, owner: User) -> None:
    run_stop.stop_experiment(failed, owner.username)
    with packed(failed, owner) as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
        for name in archive.namelist():
            assert_clean(name + archive.read(name).decode("latin1"), name)


def test_errors_of_jobs_are_stored_without_them() -> None:
    for value in (*SECRETS.values(), PASSWORD):
        assert_clean(sentence(ValueError(f"sent {value} to it")), value)


def test_log_records_have_none_whoever_writes_them(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    from training import log_redaction

    before: Any = logging.getLogRecordFactory()
    log_redaction.install()
    try:
        logging.getLogger("some.library").warning("connecting with %s", leaking())
    finally:
        logging.setLogRecordFactory(before)
    assert "***" in caplog.text
    assert_clean(caplog.text, "log")
