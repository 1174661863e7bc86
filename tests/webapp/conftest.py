import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User

from tests import vega_lite
from training.storage import shared_files
from webapp import notifications
from webapp.access import VIEWERS
from webapp.actions import experiments as experiment_actions
from webapp.attributions import services as attributions
from webapp.celery import app
from webapp.charts import child_programs
from webapp.example_queries.cache import PAGES, SUMMARIES
from webapp.example_queries.database import base as examples
from webapp.example_queries.search import search, search_written
from webapp.experiments import results, services
from webapp.explorer import page
from webapp.explorer.diagnostics import _diagnosed
from webapp.explorer.verification import SUBMITTED
from webapp.imports import services as imports
from webapp.row_isolation import Isolated
from webapp.share_pages.shown_version import FILES
from webapp.shares.freezing import CARD, MADE, PRINTED
from webapp.webhooks import services as hooks

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("ada", password="difference engine")


@pytest.fixture
def people(owner: User) -> dict[str, User | None]:
    """An account of each kind, and None for people without one; see permissions.PEOPLE."""
    viewer = User.objects.create_user("vera")
    viewer.groups.add(Group.objects.get_or_create(name=VIEWERS)[0])
    other, admin = User.objects.create_user("grace"), User.objects.create_superuser("root")
    return {"anonymous": None, "share visitor": None, "viewer": viewer, "owner": owner, "other": other, "admin": admin}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace messages to the broker; the value has the names of the tasks that were sent."""
    names: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, *args, **options: names.append(name))
    monkeypatch.setattr(notifications, "notify_viewers", lambda run_ids: None)
    return names


@pytest.fixture
def ended_spans(monkeypatch: pytest.MonkeyPatch) -> "InMemorySpanExporter":
    """Have the spans of this process recorded as with a collector; the value has those that ended."""
    from tests.factories.spans import recorded  # which loads OpenTelemetry

    return recorded(monkeypatch)


@pytest.fixture(autouse=True)
def dataset_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data set library, for this process and its children."""
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "shelf"))
    return tmp_path / "shelf"


@pytest.fixture
def shared(tmp_path: Path, dataset_library: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a store that machines share; this machine's copies are in ARTIFACTS_DIR."""
    folder = tmp_path / "shared"
    folder.mkdir()
    settings.ARTIFACTS_URL = folder.as_uri()
    settings.DATASETS_DIR = dataset_library
    monkeypatch.setenv("ARTIFACTS_URL", folder.as_uri())
    monkeypatch.setattr(shared_files, "FRESH_SECONDS", 0.0)
    return folder


@pytest.fixture(autouse=True)
def checked_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that makes a chart which Vega-Lite does not know."""
    vega_lite.check_each(monkeypatch)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first page of a view wait for its files on any machine."""
    monkeypatch.setattr(page, "PATIENCE", 60)


@pytest.fixture(autouse=True)
def unpressed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the files of shares that other programs make, which takes seconds each, unless ``pressed`` is requested."""
    if "pressed" not in request.fixturenames:
        monkeypatch.setitem(MADE, PRINTED, lambda paper: b"%PDF of " + paper.title.encode())
        monkeypatch.setitem(MADE, CARD, lambda paper: b"\x89PNG of " + paper.title.encode())


@pytest.fixture
def pressed() -> None:
    """Disable ``unpressed``."""


@pytest.fixture(autouse=True)
def empty_store() -> Iterator[None]:
    """Delete all artifacts after each test, since the keys of runs are the same in every test."""
    yield
    for cached in (examples, search, search_written, SUMMARIES, PAGES, _diagnosed):
        cached.cache_clear()
    for known in (FILES, child_programs.FILES, SUBMITTED):
        known.clear()
    for folder in (settings.ARTIFACTS_DIR, settings.EXAMPLES_DIR, settings.SHARES_DIR):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in settings.UPLOADS_DIR.iterdir():  # named by numbers that are given again
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_left_alone() -> None:
    """Forget failed rows of earlier tests, whose numbers rows of this test have again."""
    for module in (experiment_actions, results, services, imports, attributions, hooks):
        for value in vars(module).values():
            if isinstance(value, Isolated):
                value.forget()
