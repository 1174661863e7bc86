"""The import contracts, each with a deliberate violation that is noticed."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "datasets", "accelerate", "peft")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [str(program), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_every_contract_is_kept() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("training/planning/plan.py", "import django", "The library does not depend on the web"),
        ("training/metrics/results.py", "import torch", "Torch lives in the engine"),
        ("webapp/experiments/queries.py", "import training.engine.losses", "Torch never enters the web"),
        ("webapp/jobs/tasks.py", "import torch", "Torch never enters the web"),
        ("webapp/experiments/services.py", "import webapp.notifications", "The layers of the web"),
        ("webapp/api/urls.py", "import webapp.pages.accounts.one_time_links", "The layers of the web"),
        ("webapp/pages/urls.py", "import webapp.jobs.chores", "The layers of the web"),
        ("webapp/actions/runs.py", "import webapp.jobs.tasks", "The layers of the web"),
        ("webapp/leases.py", "import webapp.imports.models", "The layers of the web"),
        ("training/catalog/dataset_card.py", "import training.engine.data.rules", "Torch lives in the engine"),
        ("webapp/imports/services.py", "import webapp.jobs.chores", "The layers of the web"),
        ("webapp/shares/services.py", "import webapp.share_pages.permissions", "The layers of the web"),
        ("webapp/charts/gap.py", "import webapp.experiments.models", "Charts are pure"),
        ("webapp/example_queries/database.py", "import django", "Examples are pure"),
    ],
)
def test_a_deliberate_violation_is_caught(tmp_path: Path, file: str, line: str, contract: str) -> None:
    for name in ("training", "webapp"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.parquet"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as target:
        target.write(f"\n{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout
    broken = [text for text in result.stdout.splitlines() if " BROKEN" in text]
    assert any(text.startswith(contract) for text in broken), result.stdout


LATE = {
    "training/storage/remote.py",  # the store of a worker by HTTPS, which is built upon this module
    "webapp/tracing.py",  # OpenTelemetry, which is not installed everywhere
    "training/__init__.py",  # the only way into the engine, and so into torch
    # Commands: results bring SciPy and an export brings torch, for which the training child need not wait.
    *(
        f"training/cli/{name}.py"
        for name in ("attribution", "data", "doctor", "export", "outside", "push", "run", "serve", "verify")
    ),
}


def test_no_import_of_ours_hides_in_a_function_except_where_it_is_named_here() -> None:
    hidden = set()
    for path in [*(ROOT / "training").rglob("*.py"), *(ROOT / "webapp").rglob("*.py")]:
        tree = ast.parse(path.read_text())
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
            for node in ast.walk(function):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if any(name.split(".")[0] in ("training", "webapp") for name in names):
                    hidden.add(str(path.relative_to(ROOT)))
    assert hidden == LATE


WITHOUT_TORCH = """
import os, sys
for name in {heavy}:
    sys.modules[name] = None  # importing it now raises ImportError
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
django.setup()
import webapp.asgi, webapp.jobs.chores, webapp.jobs.tasks
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from tests.factories.experiments import finish_all, launched
ada = User.objects.create_superuser("ada")
experiment = launched(ada)
finish_all(experiment)
client = Client(headers={{"host": "localhost"}})
client.force_login(ada)
data = ("/datasets/", "/datasets/movie-reviews/")
experiment_pages = [f"/experiments/{{experiment.pk}}/{{rest}}" for rest in ("", "examples/", "examples/marked/", "share/")]
for path in (*data, *experiment_pages, "/", "/experiments/", "/experiments/new/", f"/runs/{{experiment.runs.first().pk}}/"):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
"""


def test_the_web_serves_its_pages_where_torch_cannot_be_imported() -> None:
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(heavy=HEAVY)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr[-3000:]


def test_no_test_module_imports_another_one() -> None:
    importing = re.compile(r"^\s*(?:from|import) (?:tests|\.)[\w.]*\.?test_", re.MULTILINE)
    assert [str(path) for path in (ROOT / "tests").rglob("*.py") if importing.search(path.read_text())] == []


def test_no_module_is_longer_than_300_lines_and_no_function_than_50() -> None:
    long_modules, long_functions = [], []
    for path in (file for folder in ("training", "webapp", "tests") for file in (ROOT / folder).rglob("*.py")):
        source = path.read_text()
        if len(source.splitlines()) > 300:
            long_modules.append(str(path))
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.end_lineno
                and node.end_lineno - node.lineno >= 50
            ):
                long_functions.append(f"{path}: {node.name}")
    assert (long_modules, long_functions) == ([], [])
