"""The command line: each command as a person or a worker calls it."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from tests.factories.runs import make_run
from training import ExperimentSpec, RunSpec, Store, execute, make_plan
from training.catalog import packages
from training.cli.exits import BAD_INPUT, FAILED, STOPPED
from training.cli.main import main
from training.events import RUN_EVENT
from training.recipes import names

pytestmark = pytest.mark.servers("commands open the store")

# The child process knows only the shipped data set; a small limit makes its runs quick.
SMALL = {"data": {"limit": 64}, "strong": {"models": ["bag-of-words"]}, "methods": [{"kind": "naive"}], "seeds": 1}

BROUGHT = {"imagenet-alexnet-dino"}
"""Recipes whose images and labels a user brings; test_vision_recipe.py has their sentences."""


def small(**weak: object) -> RunSpec:
    spec = ExperimentSpec.model_validate({**SMALL, "weak": {"models": ["bag-of-words"], **weak}})
    return next(iter(make_plan(spec).runs.values()))


def start(store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "training", "execute", "--store", str(store)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_plan_prints_runs_and_triplets(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "movie-reviews"]) == 0
    plan = json.loads(capfd.readouterr().out)
    assert (plan["asked"], plan["unique"]) == (30, 20)
    keys = {run["key"] for run in plan["runs"]}
    assert all({triplet["weak"], triplet["student"], triplet["ceiling"]} <= keys for triplet in plan["triplets"])


def test_schema_prints_the_schema_of_recipes(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capfd.readouterr().out) == ExperimentSpec.model_json_schema()


@pytest.mark.parametrize("command", ["schema", "plan movie-reviews"])
def test_planning_works_where_torch_cannot_be_imported(command: str) -> None:
    code = f"import sys; sys.modules['torch'] = None; from training.cli.main import main; sys.exit(main({command.split()}))"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("name", sorted({*names()} - BROUGHT))
def test_every_shipped_recipe_can_be_planned(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda package: True)
    assert main(["plan", name]) == 0


def test_a_misspelt_recipe_is_answered_with_the_nearest(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "movie-revews"]) == BAD_INPUT
    assert "Did you mean movie-reviews?" in capfd.readouterr().err


def test_every_wrong_field_of_a_recipe_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "wrong.json"
    recipe.write_text('{"seeds": 0, "strong": {"lr": -1, "colour": "red"}}')
    assert main(["plan", str(recipe)]) == BAD_INPUT
    lines = capfd.readouterr().err.splitlines()
    assert {line.split(":")[0] for line in lines} == {"seeds", "strong.lr", "strong.colour"}


def test_run_trains_the_whole_plan_once_and_writes_the_result(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe, out = tmp_path / "small.json", tmp_path / "out"
    recipe.write_text(json.dumps(SMALL))
    assert main(["run", str(recipe), "--out", str(out)]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    plan = make_plan(ExperimentSpec.model_validate(SMALL))
    assert [line["run"] for line in lines if line["kind"] == "finished"] == list(plan.runs)
    assert json.loads((out / "result.json").read_text())

    assert main(["run", str(recipe), "--out", str(out)]) == 0
    assert capfd.readouterr().out == ""


def test_execute_in_a_process_of_its_own_predicts_the_same_bits(tmp_path: Path) -> None:
    run, here, there = small(), Store(tmp_path / "here"), Store(tmp_path / "there")
    execute(run, here, lambda event: None, lambda: False)
    child = start(there.root)
    out, err = child.communicate(run.model_dump_json())
    assert child.returncode == 0, err
    events = [RUN_EVENT.validate_json(line) for line in out.splitlines()]
    assert (events[0].event.kind, events[-1].event.kind) == ("started", "finished")
    assert {event.run for event in events} == {run.key()}
    predictions, other = here.read_predictions(run.key()), there.read_predictions(run.key())
    np.testing.assert_array_equal(predictions.id, other.id)
    assert predictions.prob.tobytes() == other.prob.tobytes()


def test_sigterm_stops_at_a_checkpoint_from_which_the_next_attempt_goes_on(tmp_path: Path) -> None:
    run = small(epochs=1000, batch_size=2)
    child = start(tmp_path)
    assert child.stdin
    assert child.stdout
    child.stdin.write(run.model_dump_json())
    child.stdin.close()
    wait_for("metric", child.stdout)
    child.send_signal(signal.SIGTERM)
    events = [RUN_EVENT.validate_json(line).event for line in child.stdout]
    assert child.wait(20) == STOPPED
    assert [event.kind for event in events[-2:]] == ["checkpoint", "stopped"]

    again = start(tmp_path)
    assert again.stdin
    assert again.stdout
    again.stdin.write(run.model_dump_json())
    again.stdin.close()
    started = RUN_EVENT.validate_json(wait_for("started", again.stdout)).event
    again.kill()
    again.wait()
    assert started.resumed_from == events[-1].step > 0  # type: ignore[union-attr]


def wait_for(kind: str, lines: IO[str]) -> str:
    return next(line for line in lines if RUN_EVENT.validate_json(line).event.kind == kind)


def test_a_store_that_cannot_be_written_fails_the_run_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    child = start(tmp_path / "file")
    out, _ = child.communicate(small().model_dump_json())
    last = RUN_EVENT.validate_json(out.splitlines()[-1]).event
    assert child.returncode == FAILED
    assert last.kind == "failed"
    assert last.error.startswith(f"The store {tmp_path / 'file'} cannot be read or written")


def test_a_disk_without_room_fails_the_run_with_a_sentence_and_leaves_no_half_file(tmp_path: Path) -> None:
    plan = make_plan(ExperimentSpec.model_validate({"strong": {"models": ["minilm-l1"]}, "seeds": 1}))
    probe = next(run for run in plan.runs.values() if run.adaptation == "probe")
    child = subprocess.Popen(
        [sys.executable, "-m", "training", "execute", "--store", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),  # no file may be larger
    )
    out, _ = child.communicate(probe.model_dump_json())
    last = RUN_EVENT.validate_json(out.splitlines()[-1]).event
    assert child.returncode == FAILED
    assert last.kind == "failed"
    assert last.error.startswith(f"The store {tmp_path} cannot be read or written")
    assert {path.suffix for path in (tmp_path / "features").iterdir()} == {".lock"}


def test_features_that_later_runs_need_are_computed_with_those_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    request = tmp_path / "request"
    request.write_text(f'{make_run("ceiling", epochs=1).model_dump_json()}\n["minilm-l2"]\n\n')
    with request.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main(["execute", "--store", str(tmp_path)]) == 0
    assert RUN_EVENT.validate_json(capfd.readouterr().out.splitlines()[-1]).event.kind == "finished"
    assert {path.name.split("-")[1] for path in (tmp_path / "features").glob("*.npy")} == {"1", "2"}


def test_what_is_no_run_is_bad_input(tmp_path: Path) -> None:
    child = start(tmp_path)
    out, err = child.communicate('{"seed": "x"}')
    assert (child.returncode, out) == (BAD_INPUT, "")
    assert "seed:" in err


def test_what_libraries_print_never_reaches_the_events(tmp_path: Path) -> None:
    code = (
        "from training.cli.streams import json_lines\nimport os\n"
        "with json_lines() as write:\n    print('noise', flush=True); os.system('echo noise'); write({'kind': 'x'})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == '{"kind":"x"}\n'


@pytest.mark.parametrize("command", [["plan"], ["run", "--out", "OUT"]])
def test_a_recipe_with_more_runs_than_are_allowed_is_refused(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAX_RUNS", "10")
    first, *rest = command
    assert main([first, "movie-reviews", *(str(tmp_path) if word == "OUT" else word for word in rest)]) == 2
    assert "This experiment needs more than 10 runs" in capsys.readouterr().err


def test_execute_trains_several_runs_and_stops_the_one_that_is_named(tmp_path: Path) -> None:
    short, long = small(), small().model_copy(update={"epochs": 1000})
    child = start(tmp_path)
    assert child.stdin
    assert child.stdout
    child.stdin.write("\n".join(run.model_dump_json() for run in (long, short)) + "\n\n")
    child.stdin.flush()
    kinds: dict[str, list[str]] = {long.key(): [], short.key(): []}
    for line in child.stdout:
        event = RUN_EVENT.validate_json(line)
        kinds[event.run].append(event.event.kind)
        if kinds[long.key()].count("metric") == 1 and kinds[long.key()][-1] == "metric":
            child.stdin.write(f"{long.key()}\n")
            child.stdin.flush()
    assert child.wait(60) == 75
    assert (kinds[long.key()][-1], kinds[short.key()][-1]) == ("stopped", "finished")
    assert Store(tmp_path).finished(short.key())
