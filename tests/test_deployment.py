"""The files of a deployment fit the project: each command, variable, path and secret that they name exists.

No image is built and no container started: there is no engine for that where the tests run.
"""

import configparser
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from tests.docs.variables import variables
from training.log_redaction import SECRET_VARIABLES, URL_VARIABLES

ROOT = Path(__file__).resolve().parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "w2s-lab"}
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def assert_command(words: list[str]) -> None:
    """Fail unless the command is one of the project's, with options that it has."""
    assert words[:2] == ["python", "manage.py"]
    assert words[2] in get_commands()
    answer = subprocess.run(
        [sys.executable, "manage.py", words[2], "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {word for word in words[3:] if word.startswith("--")} <= set(re.findall(r"--\w[\w-]*", answer.stdout))


@cache
def names_of_variables() -> frozenset[str]:
    return frozenset(variables())


def known(name: str) -> bool:
    base = name.removesuffix("_FILE")
    return name in names_of_variables() or (base != name and base in SECRET_VARIABLES + URL_VARIABLES)


def test_the_dockerfile_and_the_compose_file_are_valid() -> None:
    subprocess.run([program("hadolint"), str(ROOT / "Dockerfile")], check=True)
    schema = [program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")]
    subprocess.run(schema, check=True, capture_output=True)


def test_everything_that_the_image_copies_exists_and_reaches_the_build() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [word for line in copies for word in line.split()]
    assert len(sources) > 5
    for source in sources:
        assert list(ROOT.glob(source)), source
        assert source in sent, source


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_the_laboratory_runs_a_command_that_exists_with_variables_that_are_read(name: str) -> None:
    assert_command(OURS[name]["command"])
    assert [variable for variable in OURS[name]["environment"] if not known(variable)] == []


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_restricted_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert service["tmpfs"]
    assert "healthcheck" in service or name == "initialise"
    for variable, value in service.get("environment", {}).items():
        if variable.endswith("_FILE"):
            assert Path(value).name in service["secrets"], "the file of a secret is that of the service"


def test_secrets_are_made_by_the_script_and_named_by_the_compose_file(tmp_path: Path) -> None:
    (tmp_path / "make-secrets").write_text((ROOT / "deploy" / "make-secrets").read_text())
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "make-secrets")], check=True, capture_output=True)
        made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
        assert {f"./deploy/secrets/{name}" for name in made} == {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert made["database_password"] in made["database_url"]
    assert len(set(made.values())) == len(made)
    password = made["redis_url"].removeprefix("redis://:").partition("@")[0]
    assert made["redis_conf"].startswith(f"requirepass {password}\n")
    assert len(made["secret_key"]) >= 100


def test_files_that_are_mounted_and_networks_that_are_trusted_exist() -> None:
    assert (ROOT / "deploy" / "nginx.conf").is_file()
    assert SERVICES["proxy"]["volumes"][0].startswith("./deploy/nginx.conf:")
    [network] = COMPOSE["networks"]["lab"]["ipam"]["config"]
    assert {service["environment"]["TRUSTED_PROXIES"] for service in OURS.values()} == {network["subnet"]}
    assert "http://web:8000" in (ROOT / "deploy" / "nginx.conf").read_text()
    assert SERVICES["web"]["environment"]["ALLOWED_HOSTS"] == "web"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_that_exists_with_variables_that_are_read(path: Path) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(path.read_text())
    words = shlex.split(parser["Service"]["ExecStart"])
    folder = f"{parser['Service']['WorkingDirectory']}/.venv/bin/"
    assert words[0].startswith(folder)
    assert_command([words[0].removeprefix(folder), *words[1:]])
    lines = re.findall(r"^Environment=(.+)$", path.read_text(), re.MULTILINE)
    assert [word for line in lines for word in shlex.split(line) if not known(word.partition("=")[0])] == []
    assert parser["Service"]["NoNewPrivileges"] == "yes"
    assert parser["Service"]["User"] == "w2s"
