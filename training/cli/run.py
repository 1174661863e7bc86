"""``run``: train a recipe without a laboratory, into a folder."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from training import Event, Plan, Store
from training.cli.execute import train
from training.cli.exits import DONE, BadInput
from training.cli.recipe import add_recipe, planned
from training.cli.streams import json_lines, stop_requests
from training.cli.trainers import Trainers
from training.fork_server import FORKS
from training.planning.groups import next_group
from training.planning.plan import same_pass
from training.storage.atomic import atomic, writable
from training.storage.event_log import EventLog

HELP = "Train every unfinished run of a recipe; print events as JSON lines."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for predictions, weights and result.json")
    parser.add_argument(
        "--trainers",
        type=int,
        default=1,
        metavar="N",
        help="runs that are trained at a time, each with its share of the cores",
    )


def run(options: argparse.Namespace) -> int:
    if options.trainers < 1 or (options.trainers > 1 and not FORKS):
        raise BadInput("--trainers is a whole number from 1 on; more than 1 need Linux.")
    plan, store = planned(options.recipe), Store(options.out)
    try:
        writable(options.out)
    except OSError as error:
        raise BadInput(f"--out {options.out} cannot be written: {error.strerror or error}.") from None
    with json_lines() as write, stop_requests() as should_stop, Trainers(options.trainers, should_stop) as trainers:

        def in_turn(line: dict[str, Any]) -> None:
            with trainers.turns:
                write(line)

        def work(group: Sequence[str], beside: Sequence[str]) -> int:
            with ExitStack() as opened:
                event_logs = {key: opened.enter_context(closing(EventLog(store, key))) for key in group}
                runs = [plan.runs[key] for key in group]
                return train(runs, store, _recorded(event_logs, in_turn), lambda _: trainers.stopping(), beside)

        code = _train_all(plan, store, trainers.begin(work))
    if code == DONE:
        _write_result(plan, store)
    return code


def _train_all(plan: Plan, store: Store, trainers: Trainers) -> int:
    """Train every unfinished run; after one that failed or was stopped, start no other. Return the first exit code of those."""
    waiting, code = {key for key in plan.runs if not store.finished(key) or store.damage(key)}, DONE
    while (waiting and code == DONE) or trainers.running:
        while code == DONE and trainers.free and (group := next_group(plan, waiting, trainers.running)):
            beside = same_pass(plan.runs[group[0]], (plan.runs[key] for key in waiting))
            waiting.difference_update(group)
            trainers.start(group, beside)
        code = next(filter(None, [code, *trainers.ended()]), DONE)
    return code


def _recorded(event_logs: Mapping[str, EventLog], write: Callable[[dict[str, Any]], None]) -> Callable[[str, Event], None]:
    """Return a function that prints events with the run's key and appends them to its event log, which ``push`` sends."""

    def record(key: str, event: Event) -> None:
        event_logs[key].write(event)
        write({"run": key, **event.model_dump(mode="json")})

    return record


def _write_result(plan: Plan, store: Store) -> None:
    # SciPy costs 0.2 s, which the other commands need not pay.
    from training.metrics.results import summarize

    with atomic(store.root / "result.json") as path:
        path.write_text(summarize(plan, store.read_outputs, store.read_course).model_dump_json(indent=2))
