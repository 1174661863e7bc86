"""``python -m training verify``: unpack and check an archive; a valid one is left in a folder. Prints JSON lines."""

import logging
import shutil
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from training import Plan, RunSpec, Store
from training.command_output import NotVerified, Verified
from training.engine.errors import EngineError, Stopped
from training.engine.targets.derived_labels import combine
from training.engine.verification import claims, structure, written
from training.engine.verification.bounded import predictions_of, trajectory_of
from training.engine.verification.truth import mismatches, truth_of
from training.events import Progress, RunFinished
from training.metrics.results import Result, summarize
from training.spec import GROUND_TRUTH
from training.storage.archive import (
    ABOUT,
    RESULT_FILES,
    Archive,
    Broken,
    OnProgress,
    differences,
    each_event,
    read,
    unpack,
    verify,
)
from training.storage.artifacts import same
from training.storage.atomic import out_of_room
from training.storage.checksums import DamagedArtifact
from training.storage.opening import open_store
from training.storage.remote import StoreUnreachable
from training.storage.written_answers import Outputs, WrittenAnswers

DONE, FAILED, STOPPED = 0, 1, 75
MOST = 20
"""Largest number of reported problems of one archive."""
UNTRUSTED_ERRORS = (DamagedArtifact, EngineError, ArithmeticError, LookupError, OSError, TypeError, ValueError, pa.ArrowException)
"""Errors of reading and computing with untrusted numbers."""


def run(
    source: Path,
    out: Path,
    here: Path | None,
    largest: int | None,
    reserve: int,
    write: Callable[[BaseModel], None],
    should_stop: Callable[[], bool],
) -> int:
    """Verify the archive ``source``; a valid one is unpacked in ``out``, otherwise ``out`` is removed. Returns the exit code.

    The last line is Verified, or NotVerified with the problems. Runs that the store ``here`` has too are compared.
    """

    def on_progress(phase: str, done: int, total: int) -> None:
        if should_stop():
            raise Stopped
        write(Progress(phase=phase, done=done, total=total))

    shutil.rmtree(out, ignore_errors=True)
    problems = ["The archive needs more memory to be read than it may use."]
    try:
        unpack(source, out, largest, reserve, throttled(on_progress))
        write(verified(out, here, throttled(on_progress)))
        return DONE
    except Stopped:
        problems = []
    except Broken as error:
        problems = error.problems
    except MemoryError:
        logging.exception("The memory has run out.")
    except Exception as error:
        logging.exception("The archive could not be verified.")
        if isinstance(error, StoreUnreachable):
            problems = ["The store of artifacts cannot be reached now: import the archive again later."]
        elif out_of_room(error):
            problems = ["The disk became full while the archive was unpacked."]
        elif not isinstance(error, pa.ArrowMemoryError):
            problems = [f"The archive cannot be read: {type(error).__name__}."]
    shutil.rmtree(out, ignore_errors=True)
    if not problems:
        return STOPPED
    more = [f"And {len(problems) - MOST} more."] if len(problems) > MOST else []
    write(NotVerified(problems=(*problems[:MOST], *more)))
    return FAILED


def throttled(on_progress: OnProgress) -> OnProgress:
    """Return a ``on_progress`` that reports about a hundred steps of each phase, and each change of the phase."""
    last: tuple[str, int] = "", -1

    def sparse_progress(phase: str, done: int, total: int) -> None:
        nonlocal last
        if (now := (phase, 100 * done // max(1, total))) != last:
            last = now
            on_progress(phase, done, total)

    return sparse_progress


def verified(folder: Path, here: Path | None, on_progress: OnProgress) -> Verified:
    """Return the verified facts of the unpacked archive, adding a missing result to it. Raises Broken."""
    content = verify(folder, on_progress)
    about = read(folder)
    plan, runs = structure.plan_of(about), structure.runs_of(folder)
    _refuse(
        structure.missing_runs(folder, plan, runs)
        or structure.inconsistent_triplets(plan, runs)
        or _inconsistent_sources(about, runs)
    )
    _refuse(list(_check_runs(folder, runs, on_progress)))
    on_progress("computing the result", 0, 1)
    result = _result(about, plan, Store(folder))
    if about.result is None and result is not None:
        text = about.model_copy(update={"result": result}).model_dump_json(indent=1)
        (folder / ABOUT).write_text(text, encoding="utf-8")
    equal, different = _compared(Store(folder), open_store(here), runs, on_progress) if here else ([], [])
    return Verified(content=content, equal=tuple(equal), different=tuple(different))


def _refuse(problems: list[str]) -> None:
    if problems:
        raise Broken(*problems)


def _inconsistent_sources(about: Archive, runs: dict[str, RunSpec]) -> list[str]:
    """Return the contradictions between the archive's data sets or imported runs and its runs."""
    datasets = {run.dataset: run.fingerprint for run in runs.values()}
    problems = [] if datasets == about.datasets else [f"The data sets of {ABOUT} are not those of its runs."]
    return problems + [f"Run {key[:12]} is said to be imported, and is not there." for key in about.imported.keys() - runs.keys()]


def _check_runs(folder: Path, runs: dict[str, RunSpec], on_progress: OnProgress) -> Iterator[str]:
    store = Store(folder)
    tested: dict[tuple[object, ...], tuple[str, Outputs]] = {}

    @lru_cache(maxsize=8)
    def outputs_for(key: str) -> Outputs:
        return written.answers_of(store, key) if runs[key].writes else predictions_of(store, key)

    for done, (key, run) in enumerate(runs.items()):
        on_progress("comparing runs with their predictions", done, len(runs))
        try:
            events = claims.valid_events(each_event(folder, key))
            problems = events.problems or list(_check_run(store, key, run, events, outputs_for))
            if not problems and store.finished(key) and not run.reads:
                problems = list(_check_test_set(key, run, outputs_for(key), tested))
        except Broken as error:
            problems = error.problems
            yield from problems
            continue
        except UNTRUSTED_ERRORS as error:
            problems = [f"Its files cannot be read: {error}."]
        yield from (f"Run {key[:12]}: {problem}" for problem in problems)


def _check_run(
    store: Store, key: str, run: RunSpec, events: claims.ValidEvents, outputs_for: Callable[[str], Outputs]
) -> Iterator[str]:
    files = [name for name in RESULT_FILES if (store.run(key) / name).exists()]
    if not isinstance(events.end, RunFinished):
        if files:
            yield "It has predictions, and its events do not tell that it has finished."
        return
    if len(files) < len(RESULT_FILES):
        yield f"It has finished, and {', '.join(name for name in RESULT_FILES if name not in files)} is missing."
        return
    supervisor = None if run.labels == GROUND_TRUTH else run.labels
    if supervisor is not None and not store.finished(supervisor):
        yield "It has finished, and the run that labelled for it has not."
        return
    predictions, labels = outputs_for(key), outputs_for(supervisor) if supervisor else None
    if isinstance(predictions, WrittenAnswers):
        yield from written.check(store, run, events, predictions, labels if isinstance(labels, WrittenAnswers) else None)
        return
    if isinstance(labels, WrittenAnswers):
        yield "It has classes, and the run that labelled for it wrote answers."
        return
    trajectory = trajectory_of(store, key, predictions.classes)
    yield from claims.contradictions(run, events, predictions, trajectory, labels)
    if run.reads:
        return
    if (truth := truth_of(run.fingerprint)) is not None:
        yield from mismatches(run, predictions, truth)
    if run.members:
        mean = combine(run, store)
        if not np.array_equal(mean.id, predictions.id) or not np.allclose(mean.prob, predictions.prob, rtol=0, atol=1e-5):
            yield "It does not say the mean of what its members say."


def _check_test_set(
    key: str, run: RunSpec, outputs: Outputs, tested: dict[tuple[object, ...], tuple[str, Outputs]]
) -> Iterator[str]:
    """Yield a problem unless runs on one data set with one split have one test set, with the same true labels."""
    test = outputs.part("test")
    test = test.take(np.argsort(test.id, kind="stable"))
    other, first = tested.setdefault((run.fingerprint, run.test_fraction, run.split_seed), (key, test))
    if not (np.array_equal(test.id, first.id) and np.array_equal(test.gold, first.gold)):
        yield f"Its test set is another one than that of run {other[:12]}, on the same data."


def _result(about: Archive, plan: Plan, store: Store) -> Result | None:
    """Return the result of the predictions. Raises Broken where the archive has another one."""
    if not any(store.finished(key) for triplet in plan.triplets for key in (triplet.weak, triplet.student, triplet.ceiling)):
        if about.result is not None:
            raise Broken("The archive has a result, and no run that has finished.")
        return None
    try:
        again = summarize(plan, store.read_outputs, store.read_course)
    except UNTRUSTED_ERRORS as error:
        raise Broken(f"The result cannot be computed from the predictions: {error}") from None
    if about.result is None:
        return again
    # The warnings of the data set's checks are known only where the data set is.
    again = again.model_copy(update={"data_warnings": about.result.data_warnings})
    _refuse(differences(about.result.model_dump(mode="json"), again.model_dump(mode="json")))
    return again


def _compared(archived: Store, local: Store, runs: dict[str, RunSpec], on_progress: OnProgress) -> tuple[list[str], list[str]]:
    """Return the keys of runs in both stores with equal predictions, and of those with different ones."""
    equal, different = list[str](), list[str]()
    for done, key in enumerate(runs):
        on_progress("comparing with the runs that are here", done, len(runs))
        if archived.finished(key) and local.finished(key):
            (equal if same(archived, key, local, key) else different).append(key)
    return equal, different
