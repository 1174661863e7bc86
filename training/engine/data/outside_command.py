"""``python -m training outside``: list, check and add labels from outside, with results as JSON lines."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from training import catalog
from training.catalog import outside
from training.catalog.outside import About
from training.command_output import Covered, LabelsChecked
from training.engine.data import command
from training.engine.data.command import Write
from training.engine.data.examples import load_examples
from training.engine.data.outside_checks import add, check_coverage
from training.engine.data.rules import OnProgress
from training.engine.targets.given_labels import read_given
from training.spec import RunSpec


def run(options: argparse.Namespace, write: Write, should_stop: Callable[[], bool]) -> int:
    """Run the command and write its results; an error is the last line. Returns the exit code."""
    return command.run(options, write, should_stop, COMMANDS)


def _list(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    fingerprint = catalog.dataset(options.dataset).digest if options.dataset else ""
    for card in outside.cards(fingerprint=fingerprint):
        write(LabelsChecked(card=card))


def _check(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    about = About(**{field: getattr(options, field) for field in About.model_fields})
    runs = _runs(options.runs) if options.runs else []
    write(LabelsChecked(card=add(options.files, options.dataset, about, options.role, runs, keep=options.what == "add")))


def _coverage(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    runs = _runs(options.runs)
    for run in runs:
        check_coverage(read_given(run), run, load_examples(run.dataset, run.fingerprint))
    write(Covered(runs=len(runs)))


def _runs(path: Path) -> list[RunSpec]:
    return [RunSpec.model_validate(run) for run in json.loads(path.read_text(encoding="utf-8"))]


COMMANDS: command.Commands = {"list": _list, "check": _check, "add": _check, "coverage": _coverage}
