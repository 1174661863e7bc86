"""``doctor``: check this machine before the first training, and say what to do about what is wrong."""

import argparse
import contextlib
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from training import Store
from training.cli.exits import DONE, FAILED, STOPPED
from training.cli.streams import stop_requests, text_lines
from training.command_output import MachineCheck
from training.engine.errors import EngineError, Stopped
from training.environment import SettingError

HELP = "Check this machine: device, packages, threads, disk, Hub, and short trainings with known results (two minutes at most)."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print each check as a JSON line")
    parser.add_argument("--no-training", action="store_true", help="leave out the trainings")


def run(options: argparse.Namespace) -> int:
    failed = False
    with _errors_only(), text_lines() as write, stop_requests() as should_stop:
        for check in checks(should_stop, training=not options.no_training):
            failed = failed or check.state == "failed"
            write(check.model_dump_json() if options.json else f"{check.state:8} {check.name}: {check.sentence}")
        if should_stop():
            return STOPPED
    return FAILED if failed else DONE


@contextlib.contextmanager
def _errors_only() -> Iterator[None]:
    """Keep the notices of trainings off the report."""
    root, level = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def checks(should_stop: Callable[[], bool], *, training: bool) -> Iterator[MachineCheck]:
    """Yield the result of each check until a stop is requested. An error of a check is its failure."""
    from training.engine.machine import hardware, processes, self_test, surroundings

    with tempfile.TemporaryDirectory(prefix="w2s-doctor-") as folder:
        named: dict[str, Callable[[], MachineCheck]] = {
            "versions": surroundings.versions,
            "device": hardware.device,
            "precision": hardware.precision,
            "attention": hardware.attention,
            "determinism": hardware.determinism,
            "threads": surroundings.thread_number,
            "waiting": surroundings.waiting,
            "processes": partial(processes.processes, should_stop),
            "storage": surroundings.storage,
            "hub": surroundings.hub_access,
        }
        store, end = Store(Path(folder)), time.monotonic() + self_test.SECONDS
        for name in self_test.runs() if training else ():
            title = f"training, {name}"
            named[title] = partial(self_test.check, name, store, end, should_stop, partial(_report, title))
        for name, check in named.items():
            _report(name, "…")
            try:
                yield check()
            except Stopped:
                return
            except (EngineError, SettingError) as error:
                yield MachineCheck(name=name, state="failed", sentence=str(error))
            except Exception as error:
                logging.exception("The check %s failed.", name)
                yield MachineCheck(name=name, state="failed", sentence=f"{type(error).__name__}: {error}")
            if should_stop():
                return


def _report(name: str, progress: str) -> None:
    """Show progress on stderr; in a terminal each line replaces the previous one."""
    start, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
    print(f"{start}{name}: {progress}", end=end, file=sys.stderr, flush=True)
