"""The command that the README begins with, from the checkout and from the installed package."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.databases import Postgres
from tests.factories.installed_packages import STATE, InstalledPackage
from tests.lab import ROOT, Lab, slow

Result = dict[str, Any]
ASSET = re.compile(r"""<(?:script|img|link|use|source)\b[^>]*?\s(?:src|href)=["']?([^"'\s>]+)""")
PAGES = ("/", "/experiments/", "/experiments/new/", "/experiments/1/", "/datasets/", "/queue/", "/workers/", "/account/", "/api/")


def demo(data_dir: Path, **environment: str) -> tuple[Result, float]:
    """The JSON of the last line, and the seconds that it took."""
    command = [sys.executable, str(ROOT / "manage.py"), "demo", "--exit-when-done", "--json"]
    env = Lab(data_dir, **environment).environment
    begun = time.monotonic()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), time.monotonic() - begun


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(data_dir: Path) -> tuple[Result, float]:
    return demo(data_dir)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> InstalledPackage:
    return InstalledPackage(tmp_path_factory.mktemp("package"))


@pytest.mark.long
@pytest.mark.timeout(1900)
def test_the_demo_ends_with_a_resolved_pgr_for_both_methods_and_a_second_one_trains_nothing(
    first: tuple[Result, float], data_dir: Path
) -> None:
    result, seconds = first
    again, seconds_again = demo(data_dir)
    assert again == result
    assert seconds_again < seconds / 3
    assert len(result["triplets"]) == 10
    assert {(triplet["method"], triplet["seed"]) for triplet in result["triplets"]} == {
        (method, seed) for method in ("naive", "confidence") for seed in range(5)
    }
    for triplet in result["triplets"]:
        assert 0.6 < triplet["weak"] < triplet["student"] < triplet["ceiling"] < 0.9
    for pgr in result["pgr"]:
        assert pgr["state"] == "ok"
        assert 0 < pgr["interval"][0] < pgr["value"] < pgr["interval"][1] < 1


@pytest.mark.long
@pytest.mark.timeout(1900)
def test_a_backup_while_four_runs_train_is_restored_on_postgresql_where_the_demo_finds_its_numbers(
    first: tuple[Result, float], data_dir: Path, tmp_path: Path, postgres: Postgres
) -> None:
    with Lab(data_dir, W2S_CHECKPOINT_SECONDS="1") as lab:
        done = lab.call("GET", "/experiments?state=finished")[1]["experiments"][0]["id"]
        before = lab.experiment(done)
        # Four supervisors that a worker trains side by side: with more epochs it would take them one after the other.
        pk = lab.launch(slow(seeds=4, weak={"models": ["bag-of-words"], "epochs": 450}))
        runs = [run["run"] for run in lab.experiment(pk)["runs"] if run["role"] == "weak"]
        lab.until(lambda: all("checkpoint" in lab.kinds(run) for run in runs), progress=lambda: len(lab.events(runs[0])))
        lab.manage("backup", str(tmp_path / "backup.zip"))
        assert all(lab.kinds(run)[-1] != "finished" for run in runs)
        lab.call("POST", f"/experiments/{pk}/stop")
    moved = Lab(tmp_path / "moved", DATABASE_URL=postgres.url)
    moved.manage("restore", str(tmp_path / "backup.zip"))
    result, seconds = demo(moved.data_dir, DATABASE_URL=postgres.url)
    assert result == first[0]
    assert seconds < first[1] / 3, "nothing of it is trained again"
    with moved:
        assert moved.experiment(done) == before
        moved.until(lambda: all(moved.kinds(run).count("started") == 2 for run in runs), 180)
        for run in runs:
            events = moved.events(run)
            released = next(event for event in events if event["kind"] == "released")
            assert released["cause"] == "the laboratory was restored from a backup"
            assert [event for event in events if event["kind"] == "started"][1]["resumed_from"] > 0
        moved.call("POST", f"/experiments/{pk}/stop")


@pytest.mark.long
@pytest.mark.timeout(1900)
def test_the_demo_of_the_installed_package_gives_the_numbers_of_the_checkout(
    first: tuple[Result, float], data_dir: Path, package: InstalledPackage
) -> None:
    for shared in ("features", "tokens"):  # half of the demo's time, and of a file's content the name says all
        if (data_dir / "artifacts" / shared).exists():
            shutil.copytree(data_dir / "artifacts" / shared, package.home / STATE / "artifacts" / shared)
    done = package.w2s("demo", "--exit-when-done", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == first[0]


@pytest.fixture
def served(package: InstalledPackage) -> Iterator[Lab]:
    with package.lab("--workers", "0") as lab:
        yield lab


def test_the_installed_laboratory_serves_every_asset_that_its_pages_and_style_sheets_name(served: Lab) -> None:
    browser = build_opener(HTTPCookieProcessor(served.jar))
    pages = [path for path in PAGES if path != "/experiments/1/" or served.call("GET", "/experiments/1")[0] == 200]
    named = set()
    for path in pages:
        page = browser.open(f"{served.url}{path}", timeout=30).read().decode()
        named |= {urljoin(path, unescape(address)) for address in ASSET.findall(page)}
    named = {urlsplit(address).path for address in named if not urlsplit(address).scheme}
    for sheet in [address for address in named if address.endswith(".css")]:
        style = browser.open(f"{served.url}{sheet}", timeout=30).read().decode()
        named |= {urljoin(sheet, address) for address in re.findall(r"url\([\"']?(?!data:)([^)\"'#]+)", style)}
    assert len([address for address in named if address.startswith("/static/")]) > 10
    assert {browser.open(f"{served.url}{address}", timeout=30).status for address in named} == {200}


def test_an_uninstalled_package_leaves_its_state_and_nothing_else(package: InstalledPackage) -> None:
    assert package.w2s("token", "nobody").returncode == 1, "it has made its folder"
    package.uninstall()
    assert package.files() == package.before
    assert [path.relative_to(package.home) for path in package.home.glob("*")] == [Path(STATE.parts[0])]
    assert [path.name for path in (package.home / STATE.parent).iterdir()] == [STATE.name]
