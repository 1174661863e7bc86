"""The worked example of docs/howto/add-a-method.md is true: applied to the tree as it is, it is all that a new loss needs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEST = "tests/training/engine/test_methods.py"

USE = """
from training import ExperimentSpec, make_plan
from webapp.pages.experiments.form import SpecForm
spec = ExperimentSpec.model_validate({"methods": [{"kind": "naive"}, {"kind": "focal", "focus": 3}], "seeds": 1})
form = SpecForm.of(spec)
assert SpecForm(form.raw).spec == spec
assert "methods__1__focal__focus" in form.raw
assert "Focal" in ExperimentSpec.model_json_schema()["$defs"]
runs = make_plan(spec).runs
assert sum(run.method.kind == "focal" for run in runs.values()) == 1
"""


def test_the_worked_example_touches_the_spec_the_losses_and_one_test_and_works(tmp_path: Path) -> None:
    block = re.search(r"```diff\n(.*?)```", (ROOT / "docs/howto/add-a-method.md").read_text(), re.DOTALL)
    assert block
    touched = re.findall(r"^\+\+\+ b/(.+)$", block[1], re.MULTILINE)
    assert sorted(touched) == [TEST, "training/engine/losses.py", "training/spec/methods/losses.py"]
    for name in ("training", "webapp"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / TEST).parent.mkdir(parents=True)
    shutil.copy(ROOT / TEST, tmp_path / TEST)
    applied = subprocess.run(["git", "apply", "-"], input=block[1], text=True, capture_output=True, cwd=tmp_path)
    assert not applied.returncode, f"the example no longer fits the code: {applied.stderr}"

    environment = os.environ | {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "webapp.settings"}

    def run(*command: str) -> str:
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert not done.returncode, done.stdout + done.stderr
        return done.stdout

    options = ("-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path))
    tested = run("-m", "pytest", *options, "-k", "Focal or loss_of_naive", TEST)
    assert "3 passed" in tested  # the formula for two and for four classes
    run("-c", USE)
