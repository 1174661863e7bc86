"""The laboratory from a notebook and a shell: the lines of docs/howto/api-and-notebook.md, in front of a whole laboratory."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab import ROOT, Lab, quick, slow
from training.client import Lab as Client
from training.client import Refused

PAGE = (ROOT / "docs/howto/api-and-notebook.md").read_text()


def test_the_lines_of_the_page_launch_follow_and_read(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    [lines] = re.findall(r"```python\n(.*?training\.client.*?)```", PAGE, re.DOTALL)
    monkeypatch.setenv("W2S_TOKEN", lab.token)
    shared: dict[str, Any] = {}
    exec(lines.replace("http://127.0.0.1:8000", lab.url), shared)
    experiment, result = shared["experiment"], shared["experiment"].result
    said = capsys.readouterr().out
    assert experiment.state == "finished"
    assert "finished 100%" in said
    assert [f"{group.method} {group.state}" in said for group in result.groups] == [True, True]
    assert {row["seed"] for row in shared["accuracy"]} == {0, 1, 2}
    students = [run for run in experiment.data["runs"] if run["role"] == "student"]
    assert {row["run"] for row in shared["accuracy"]} == {run["run"] for run in students}
    points = [row for row in shared["curves"] if row["run"] == students[0]["run"] and row["name"] == "accuracy"]
    evaluations = [event for event in lab.events(students[0]["run"]) if event["kind"] == "evaluation"]
    assert [(row["step"], row["value"]) for row in points] == [(event["step"], event["accuracy"]) for event in evaluations]


def test_the_shell_lines_of_the_page_store_an_experiment_and_list_it(lab: Lab) -> None:
    [lines] = re.findall(r"<!-- run with a laboratory -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = lines.replace("http://127.0.0.1:8000", lab.url).replace("curl ", "curl --silent --noproxy '*' ")
    environment = lab.environment | {"PATH": path}
    command = ["bash", "-euc", script]
    said = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=60).stdout
    stored, end = json.JSONDecoder().raw_decode(said)
    assert (stored["state"], stored["name"]) == ("draft", "Does a probe exceed its bag-of-words teacher?")
    assert stored["id"] in [experiment["id"] for experiment in json.loads(said[end:])["experiments"]]


def test_what_is_wrong_is_said_and_what_runs_is_stopped_and_taken_along(lab: Lab, tmp_path: Path) -> None:
    client = Client(lab.url, lab.token)
    with pytest.raises(Refused, match="seeds: ") as refused:
        client.launch(quick(seeds=0))
    assert refused.value.status == 422
    assert refused.value.problems[0][0] == "seeds"
    with pytest.raises(Refused, match="valid token") as refused:
        Client(lab.url, "wrong").experiment(1)
    assert refused.value.status == 401
    running = client.launch(slow())
    with pytest.raises(Refused, match="when no run of the experiment is queued or in training"):
        running.archive(tmp_path / "it.zip")
    stopped = running.stop()
    assert [now.state for now in stopped.follow(0.2)][-1] == "stopped"
    done = client.launch(quick())
    assert [now.state for now in done.follow(0.2)][-1] == "finished"
    done.archive(tmp_path / "it.zip")
    assert (tmp_path / "it.zip").read_bytes()[:4] == b"PK\x03\x04"
    assert [(experiment["id"], experiment["state"]) for experiment in client.experiments()][:2] == [
        (done.id, "finished"),
        (stopped.id, "stopped"),
    ]
    assert next(experiment["id"] for experiment in client.experiments(state="stopped")) == stopped.id
    brought = client.push(tmp_path / "it.zip")
    assert brought.id != done.id
    assert without_runs(brought.result) == without_runs(done.refresh().result)
    with pytest.raises(Refused, match="no zip file") as refused:
        client.push(ROOT / "README.md")
    assert refused.value.problems[0][0] == "file"


def without_runs(result: Any) -> Any:
    """A result without the keys of its runs: what was trained elsewhere has keys of its own here."""
    if isinstance(result, dict):
        return {name: without_runs(value) for name, value in result.items() if not name.endswith("_run")}
    return [without_runs(item) for item in result] if isinstance(result, list | tuple) else result


def test_what_was_run_from_the_command_line_is_sent_to_a_laboratory(lab: Lab, tmp_path: Path) -> None:
    recipe, store = tmp_path / "recipe.json", tmp_path / "store"
    recipe.write_text(json.dumps(quick()))
    command = [sys.executable, "-m", "training"]
    subprocess.run([*command, "run", str(recipe), "--out", str(store)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    push = [*command, "push", str(recipe), "--store", str(store), "--to", lab.url]
    environment = {**os.environ, "W2S_TOKEN": lab.token}
    said = [subprocess.run(push, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout for _ in "ab"]
    assert said[0] == said[1]
    [pk] = re.findall(rf"{lab.url}/experiments/(\d+)/\n", said[0])
    answer = lab.experiment(pk)
    assert (answer["state"], answer["name"]) == ("finished", "Quick")
    assert without_runs(answer["result"]) == without_runs(json.loads((store / "result.json").read_text()))
