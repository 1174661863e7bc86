"""The package w2s-lab: what is in it, what it depends on, and its command."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tests.docs.reference import management
from tests.factories.installed_packages import built
from tests.lab import ROOT
from training.cli.main import COMMANDS, TRAINING, main
from training.cli.main import parser as engine_parser
from webapp import console


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Distribution:
    (name,) = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" in name}
    return PathDistribution(zipfile.Path(wheel, f"{name}/"))


def files(folder: str) -> set[str]:
    paths = (ROOT / folder).rglob("*")
    return {path.relative_to(ROOT).as_posix() for path in paths if path.is_file() and path.suffix != ".pyc"}


def test_the_package_has_all_of_the_product_and_nothing_besides(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    packaged = {f"webapp/packaged/{name}" for name in files("templates") | files("static")}
    assert names == files("training") | files("webapp") | packaged


def test_what_serves_is_the_base_and_what_trains_is_an_extra(metadata: Distribution) -> None:
    requirements = {re.split("[=[]", line)[0]: line for line in metadata.requires or []}
    assert metadata.metadata.get_all("Provides-Extra") == ["decoder", "docs", "engine", "otel", "s3", "vision"]
    assert "extra" not in requirements["django"]
    for name in ("torch", "transformers", "datasets", "accelerate", "peft", "scikit-learn"):
        assert requirements[name].endswith("extra == 'engine'")
    assert [line for line in requirements.values() if not re.search(r"^[\w-]+(\[\w+\])?==[\w.]+", line)] == []


def test_the_builder_of_the_package_has_the_version_that_the_tests_install() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert required[0] in (ROOT / "requirements-dev.txt").read_text().splitlines()


def test_the_package_has_the_laboratory_s_commands_of_a_checkout() -> None:
    assert sorted(console.LABORATORY) == sorted(management())
    assert set(console.ENGINE) <= set(COMMANDS)


@pytest.mark.parametrize(("words", "status"), [([], 1), (["--help"], 0), (["brew"], 1)])
def test_the_command_names_what_it_can_do(
    words: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/w2s", *words])
    said = ""
    if status:
        with pytest.raises(SystemExit) as end:
            console.main()
        said = str(end.value)
    else:
        console.main()
    said += capsys.readouterr().out
    assert all(name in said for name in (*console.LABORATORY, *console.ENGINE))
    assert ("has no command “brew”" in said) == (words == ["brew"])


def test_the_help_of_a_command_is_that_of_the_program_that_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["w2s", "run"])
    assert engine_parser().format_usage().startswith("usage: w2s ")
    monkeypatch.setattr(sys, "argv", ["__main__.py", "run"])
    assert engine_parser().format_usage().startswith("usage: python -m training ")


@pytest.mark.parametrize("name", TRAINING)
def test_a_command_that_trains_names_the_extra_where_only_the_web_is_installed(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.catalog.packages.engine", lambda: False)
    arguments = {
        "run": ["movie-reviews", "--out", "out"],
        "export": ["run", "--store", "store", "--out", "out"],
        "words": ["1", "run", "--store", "store"],
        "execute": ["--store", "store"],
    }
    assert main([name, *arguments.get(name, [])]) == 2
    assert capsys.readouterr().err == "The engine is not installed here: “make setup” installs it.\n"


WEB_ALONE = """
import pkgutil, importlib, sys
absent = set(sys.argv[1:])
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not installed")
sys.meta_path.insert(0, Absent())
import django, training.cli.main, webapp
django.setup()
for module in pkgutil.walk_packages(webapp.__path__, "webapp."):
    if not {"migrations", "fonts"} & set(module.name.split(".")):
        importlib.import_module(module.name)
"""


def test_everything_that_serves_is_imported_without_the_packages_that_train() -> None:
    lines = (ROOT / "requirements-engine.txt").read_text().splitlines()
    names = [line.partition("==")[0] for line in lines if "==" in line]
    absent = ["sklearn" if name == "scikit-learn" else name.replace("-", "_") for name in names]
    assert "torch" in absent
    command = [sys.executable, "-c", WEB_ALONE, *absent]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_every_pinned_package_can_be_installed_by_the_oldest_python_that_is_promised() -> None:
    (oldest,) = re.findall(r">=([\d.]+)", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    needs = {each.name: each.metadata["Requires-Python"] for each in distributions()}
    assert len(pinned & needs.keys()) > 100
    assert {name: needs[name] for name in pinned & needs.keys() if f"{oldest}.0" not in SpecifierSet(needs[name] or "")} == {}
