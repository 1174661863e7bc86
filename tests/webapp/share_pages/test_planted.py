"""Names of folders, hosts, accounts, projects and tags, planted in the laboratory, come out by nothing that leaves it."""

import base64
import io
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.factories import claims, explored_experiments
from tests.factories.archives import bring, train
from tests.factories.experiments import launched
from tests.factories.models import make_model
from tests.webapp.page_text import links_in
from training import make_plan
from training.events import RunFailed
from webapp.access import VIEWERS
from webapp.accounts.tokens import make_token
from webapp.archives.export import packed
from webapp.artifact_store import artifact_store
from webapp.example_queries.export import SUFFIXES
from webapp.experiments import results, run_logs
from webapp.experiments.models import Event, Experiment, Run, Status
from webapp.experiments.workers import register
from webapp.organising import services as organising
from webapp.reports.choices import Choices
from webapp.shares import links
from webapp.shares import services as shares
from webapp.shares.models import Share

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]

FOLDER, HOST, ACCOUNT, SECRET = "planted-folder-q7", "planted-host-q7", "planted-account-q7", "planted-secret-q7"
PROJECT, TAG = "planted-project-q7", "planted-tag-q7"
PLANTED = re.compile(rb"planted-(folder|host|account|secret|project|tag)-q7")
WITHIN = (b"account", b"project", b"tag")
"""Names that accounts of the laboratory see."""

ERRORS = [
    f"OSError: [Errno 2] No such file or directory: '/srv/{FOLDER}/my models/model.safetensors'",
    f'connection to server at "{HOST}.internal" (10.1.2.3), port 5432 failed for user {ACCOUNT}',
    f"Error 111 connecting to redis://{ACCOUNT}:{SECRET}@{HOST}:6379/0. Connection refused.",
]
LOG = f'Traceback:\n  File "/home/{ACCOUNT}/{FOLDER}/loop.py", line 7\nRuntimeError: {HOST} is gone'
CHOICES = Choices(title="What a probe recovers", authors="Anonymous", examples="all")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "bert", "bert")


@pytest.fixture
def planted(bert: Path, tmp_path: Path) -> Experiment:
    """A finished experiment with a local model, made by a planted account on planted hosts, of which some runs have failed."""
    return finished(begun(bert, tmp_path), explored_experiments.finish)


@pytest.fixture
def verifiable(bert: Path, tmp_path: Path) -> Experiment:
    """The same, whose runs tell the truth of what they predict, so that another laboratory takes it."""
    return finished(begun(bert, tmp_path), train)


def begun(bert: Path, tmp_path: Path) -> Experiment:
    owner = User.objects.create_user(ACCOUNT)
    register(f"w1@{HOST}", 1, {}, [], 1)
    folder = tmp_path / FOLDER / "tiny-bert"
    shutil.copytree(bert, folder)
    local = {"models": [f"local:{folder}"], "tuning": "probe"}
    experiment = launched(owner, seeds=3, weak=local, strong=local)
    organising.move(experiment, organising.create_project(owner, PROJECT, PROJECT))
    organising.tag(owner, experiment, TAG)
    return experiment


def finished(experiment: Experiment, finish: Callable[[Run], object]) -> Experiment:
    for error in ERRORS:
        run = experiment.runs.filter(status=Status.QUEUED, spec__seed=2).order_by("pk").first()
        if run:
            claimed = claims.claim(run.pk, f"w1@{HOST}")
            assert claimed
            claims.append_events(run.pk, claimed.attempt, [RunFailed(error=error, log=LOG)])
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        finish(run)
    for event in Event.objects.filter(payload__kind="claimed"):
        event.payload["worker"] = f"w1@{HOST}"
        event.save()
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    return experiment


def old(experiment: Experiment, folder: str) -> Experiment:
    """The experiment as a laboratory of long ago stored it: every name and key covers the path of the model."""
    names, keys = dict[str, str](), dict[str, str]()
    for run in experiment.runs.distinct().order_by("pk"):  # each after those that it learns from
        before, store = run.key, artifact_store()
        if run.spec["model"].startswith("local:"):
            names[run.spec["model"]] = f"local:{folder}/tiny-bert"
        run.spec = replaced(run.spec, names | keys)
        run.key = keys[before] = run.run_spec.key()
        run.save()
        if store.run(before).exists():
            store.run(before).rename(store.run(run.key))
            if store.shared:
                for path in store.run(run.key).iterdir():
                    store.shared.remote.upload(path, f"runs/{run.key}/{path.name}")
    for field in ("spec", "triplets", "result", "result_runs"):
        setattr(experiment, field, replaced(getattr(experiment, field), names | keys))
    experiment.save()
    return experiment


def replaced(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: replaced(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def inside(data: bytes) -> Iterator[bytes]:
    """The bytes, and what is packed in them: of a PDF or PNG its streams, of a Parquet file its metadata, of a zip its files."""
    yield data
    for match in re.finditer(
        rb"stream\r?\n(.*?)endstream|(?:zTXt|iTXt|IDAT)(.*?)(?=.{8}(?:IEND|IDAT|tEXt|zTXt))", data, re.DOTALL
    ):
        unpacker = zlib.decompressobj()
        try:
            yield unpacker.decompress(match[1] or match[2])
        except zlib.error:
            continue
    if data[:4] == b"PAR1":
        for name, value in (pq.read_metadata(io.BytesIO(data)).metadata or {}).items():
            yield name + value
            yield base64.b64decode(value) if name == b"ARROW:schema" else b""
        yield str(pq.read_table(io.BytesIO(data)).to_pylist()[:50]).encode()
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for entry in packed.namelist():
                yield entry.encode()
                yield from inside(packed.read(entry))


def planted_in(answer: Any) -> list[bytes]:
    """Return the planted names in a response: its headers, its body and the files packed in it."""
    body = b"".join(answer) if answer.streaming else answer.content
    return [match[0] for part in (str(answer.headers).encode(), *inside(body)) for match in PLANTED.finditer(part)]


def crawled(share: Share) -> dict[str, list[bytes]]:
    """Every address of the share that a visitor can come to, with the planted names in its response."""
    _, token = links.make_link(share, share.owner)
    client = Client()
    client.get(f"/s/{token}/")
    root = f"/shared/{share.slug}/"
    charts = [f"{kind}-0" for kind in ("gap", "curves", "decomposition")]
    waiting = {root, f"{root}examples/", f"/s/{token}/", f"/s/{token}/card.png"}
    waiting |= {f"{root}{name}" for name in ("offline.html", "paper.pdf", "card.png")}
    waiting |= {f"{root}charts/{chart}.{how}" for chart in charts for how in ("svg", "png", "csv")}
    waiting |= {f"/e/{token}/{chart}/?theme=dark" for chart in ("gap", "curves", "decomposition")}
    if share.live:  # which makes all of it anew at each request
        waiting = {root, *(f"{root}{name}" for name in ("offline.html", "paper.pdf", "card.png", "charts/gap-0.csv"))}
    else:
        waiting |= {f"{root}examples/export/{how}/" for how in SUFFIXES}
    bodies: dict[str, list[bytes]] = {}
    examples = 0
    while waiting:
        path = waiting.pop()
        answer = client.get(path)
        bodies[path] = planted_in(answer)
        examples += "/examples/" in path
        if answer.status_code == 200 and "html" in answer["Content-Type"]:
            more = {link for link in links_in(answer.content.decode(), path) if link.startswith((root, f"/e/{token}/"))}
            waiting |= {link for link in more - bodies.keys() if "/examples/" not in link or examples < 6}
    assert bodies[root] == [], bodies
    return bodies


@pytest.mark.timeout(900)
def test_by_a_share_no_planted_name_comes_out(planted: Experiment, pressed: None) -> None:
    owner = planted.owner
    frozen = crawled(shares.share_frozen(planted, CHOICES, owner))
    live = crawled(shares.share_live(planted, CHOICES, owner))
    assert len(frozen) > 20
    assert [path for path, names in (frozen | live).items() if names] == []


@pytest.mark.timeout(900)
def test_by_a_share_of_an_experiment_of_long_ago_none_comes_out_either(planted: Experiment, tmp_path: Path) -> None:
    old(planted, f"/home/{ACCOUNT}/{FOLDER}")
    assert PLANTED.search(str(planted.spec).encode())
    frozen = crawled(shares.share_frozen(planted, CHOICES, planted.owner))
    live = crawled(shares.share_live(planted, CHOICES, planted.owner))
    assert [path for path, names in (frozen | live).items() if names] == []


@pytest.mark.parametrize("long_ago", [False, True])
def test_in_an_archive_no_planted_name_is_and_another_laboratory_verifies_it(
    verifiable: Experiment, tmp_path: Path, long_ago: bool
) -> None:
    planted = verifiable
    if long_ago:
        old(planted, f"/home/{ACCOUNT}/{FOLDER}")
    with packed(planted, planted.owner) as file:
        data = file.read()
    assert [match[0] for part in inside(data) if (match := PLANTED.search(part))] == []
    (tmp_path / "it.zip").write_bytes(data)
    accuracies = sorted(run.accuracy or 0 for run in planted.runs.exclude(accuracy=None))
    Experiment.objects.all().delete()
    Run.objects.all().delete()
    shutil.rmtree(settings.ARTIFACTS_DIR)
    brought = bring(User.objects.create_user("grace"), tmp_path / "it.zip")
    assert sorted(run.accuracy or 0 for run in brought.runs.exclude(accuracy=None)) == accuracies


def test_runs_and_specs_are_stored_without_the_folder_and_the_plan_still_finds_it(planted: Experiment) -> None:
    stored = [str(planted.spec), str(planted.triplets), str(planted.result), *(str(run.spec) for run in planted.runs.all())]
    assert not any(FOLDER in text for text in stored)
    assert set(make_plan(planted.experiment_spec).runs) == set(planted.runs.values_list("key", flat=True))


def test_pages_and_api_tell_a_viewer_no_planted_name_but_those_of_people_projects_and_tags(planted: Experiment) -> None:
    viewer = User.objects.create_user("vera")
    viewer.groups.add(Group.objects.get_or_create(name=VIEWERS)[0])
    client, browser = Client(headers={"authorization": f"Bearer {make_token(viewer)}"}), Client()
    browser.force_login(viewer)
    failed, done = (planted.runs.filter(status=status, spec__half="A")[0] for status in (Status.FAILED, Status.FINISHED))
    run_logs.path_of(failed.key).parent.mkdir(parents=True, exist_ok=True)
    run_logs.path_of(failed.key).write_text(LOG)
    root, own = f"/api/v1/experiments/{planted.pk}", f"/experiments/{planted.pk}/"
    paths = [root, f"{root}/archive", "/api/v1/experiments", "/api/v1/workers", "/api/v1/queue", "/api/v1/datasets"]
    paths += [f"/api/v1/runs/{run.pk}{end}" for run in (failed, done) for end in ("", "/log", "/events")]
    pages = [
        "/",
        "/experiments/",
        own,
        f"{own}status/",
        f"{own}archive/",
        "/workers/",
        "/queue/",
        "/leaderboard/",
        f"/experiments/new/?from={planted.pk}",
    ]
    pages += [f"/runs/{run.pk}/{end}" for run in (failed, done) for end in ("", "status/", "log/")]
    answers = {path: client.get(path) for path in paths} | {path: browser.get(path) for path in pages}
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code not in (200, 403)} == {}
    names = {path: [name for name in planted_in(answer) if name.split(b"-")[1] not in WITHIN] for path, answer in answers.items()}
    assert [path for path, planted_names in names.items() if planted_names] == []
    member = Client()
    member.force_login(planted.owner)
    assert HOST in member.get(f"/runs/{failed.pk}/").content.decode()
