"""The reference pages equal a fresh generation from the code, and leave nothing out."""

import re
from pathlib import Path

import pytest

from tests.docs import reference, variables
from tests.docs.described import GROUPS
from tests.docs.pages import DOCS
from training.log_redaction import SECRET_VARIABLES, URL_VARIABLES


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_reference_page_equals_what_the_code_generates(name: str) -> None:
    page = (DOCS / "reference" / name).read_text()
    assert page == reference.PAGES[name]().rstrip("\n") + "\n", "python -m tests.docs.reference writes it anew"


def test_every_page_of_the_reference_is_generated() -> None:
    assert {page.name for page in (DOCS / "reference").iterdir()} == set(reference.PAGES)


def test_every_variable_that_the_code_reads_is_in_the_page_and_every_one_in_the_page_is_read() -> None:
    described = [name for entries in GROUPS.values() for name in entries]
    assert len(described) == len(set(described))
    assert set(variables.variables()) == set(described)


def test_a_variable_is_found_however_the_code_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "manage.py").touch()
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "one.py").write_text(
        "import os\n"
        "A = os.environ['BY_ITEM']\nB = os.environ.get('BY_GET', '')\nC = os.getenv('BY_GETENV')\n"
        "D = environment.whole('BY_READER', 3, least=1)\nE = text('BY_NAME')\n"
        "os.environ['WRITTEN'] = ''\nos.environ.setdefault('DEFAULTED', '')\nF = other.text('NOT_OURS')\n"
    )
    monkeypatch.setattr(variables, "ROOT", tmp_path)
    assert set(variables.variables()) == {"BY_ITEM", "BY_GET", "BY_GETENV", "BY_READER", "BY_NAME"}
    assert variables.variables()["BY_READER"] == variables.Variable("BY_READER", "whole", "3", "≥ 1")


def test_no_page_names_a_variable_that_the_code_does_not_read() -> None:
    known = set(variables.variables()) | {"ORG", "NAME", "URL", "RUNKEY", "PATH", "DIGEST", "REVISION", "BACKUP"}
    known |= {f"{name}_FILE" for name in (*SECRET_VARIABLES, *URL_VARIABLES, "NAME")}
    known |= {f"OTEL_{name}" for name in ("SERVICE_NAME", "TRACES_SAMPLER", "RESOURCE_ATTRIBUTES", "BSP_MAX_QUEUE_SIZE")}
    known |= {"OTEL_EXPORTER_OTLP_HEADERS"}  # the SDK of OpenTelemetry reads it, and the others
    made = {"PYTHON", "TORCH_INDEX", "ARGS", "STOPS", "ENGINE_VERSION", "POST", "PATCH", "DELETE"}
    named = {
        (page.name, name)
        for page in [*DOCS.glob("*.md"), *DOCS.glob("howto/*.md"), *DOCS.glob("explanation/*.md")]
        for name in re.findall(r"`([A-Z][A-Z0-9_]{3,})(?:=[^`]*)?`", page.read_text())
    }
    assert {(page, name) for page, name in named if name not in known | made} == set()
