"""A run that is stopped or killed while it trains or writes gives the answers of an undisturbed one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories.runs import Recording, finish, interrupted
from tests.factories.written import keys_of, writing_plan
from training import Event, Plan, RunSpec, Store, execute
from training.engine import loop
from training.engine.generation import writer
from training.spec import GROUND_TRUTH
from training.storage.artifacts import same


def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_ROWS", {"cpu": 16, "cuda": 16})


def while_writing(event: Event) -> bool:
    return event.kind == "progress" and event.phase == "answers" and event.done > 40


def while_training(event: Event) -> bool:
    return event.kind == "metric" and event.step >= 5


@pytest.mark.parametrize("moment", [while_training, while_writing])
def test_a_run_that_was_stopped_writes_the_same_answers(
    moment: Callable[[Event], bool], plan: Plan, written: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan.runs[keys_of(plan)["weak"]]
    small_batches(monkeypatch)
    store = Store(tmp_path)
    first = interrupted(run, store, moment)
    assert first.events[-1].kind == "stopped"
    second = finish(run, store)
    assert second.of("started")[0].resumed_from == first.of("stopped")[0].step
    if moment is while_writing:
        done = [event.done for event in first.of("progress")]
        assert second.of("progress")[0].done > done[-1], "answers are not written again"
    assert same(store, run.key(), written, run.key())


def test_a_run_that_was_killed_while_it_wrote_goes_on_with_the_next_answers(
    plan: Plan, written: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan.runs[keys_of(plan)["weak"]]
    small_batches(monkeypatch)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(loop, "CHECKPOINT_PAUSE", 0)
    store, recording = Store(tmp_path), Recording()

    def dying(event: Event) -> None:
        recording.emit(event)
        if while_writing(event):
            raise KeyboardInterrupt  # what no part of a run handles, as a kill

    with pytest.raises(KeyboardInterrupt):
        execute(run, store, dying, lambda: False)
    assert not store.finished(run.key())
    again = finish(run, store)
    assert again.of("progress")[0].done >= recording.of("progress")[-1].done
    assert same(store, run.key(), written, run.key())


def test_a_run_that_was_stopped_is_evaluated_at_its_last_step(plan: Plan, written: Store, tmp_path: Path) -> None:
    run = plan.runs[keys_of(plan)["weak"]]
    store = Store(tmp_path)
    stopped = interrupted(run, store, while_training)
    step = stopped.of("stopped")[0].step
    part = run.model_copy(update={"stop_at": step})
    recording = finish(part, store)
    again = [(event.step, event.accuracy, event.validation_loss) for event in recording.of("evaluation")]
    whole = [(event.step, event.accuracy, event.validation_loss) for event in stopped.of("evaluation")]
    assert again[: len(whole)] == whole
    assert store.read_course(part.key()).last == step


PROMPTED = ({"kind": "few-shot", "shots": 2, "labels": "truth"},)


@pytest.fixture(scope="module")
def prompted(writers: dict[str, Path]) -> RunSpec:
    """A run whose model is prompted, without the supervisor, whose answers it does not show."""
    plan = writing_plan(writers["weak"], writers["strong"], methods=PROMPTED, max_tokens=32)
    return plan.runs[plan.triplets[0].student].model_copy(update={"labels": GROUND_TRUTH})


@pytest.fixture(scope="module")
def undisturbed(prompted: RunSpec, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    finish(prompted, store)
    return store


def test_a_prompted_model_that_was_stopped_goes_on_with_the_next_answers(
    prompted: RunSpec, undisturbed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_batches(monkeypatch)
    store = Store(tmp_path)
    first = interrupted(prompted, store, while_writing)
    assert first.events[-1].kind == "stopped"
    second = finish(prompted, store)
    assert second.of("progress")[0].done > first.of("progress")[-1].done, "answers are not written again"
    assert same(store, prompted.key(), undisturbed, prompted.key())
    assert not store.checkpoint(prompted.key()).exists()


def test_a_prompted_model_that_was_killed_goes_on_from_its_checkpoint_unless_that_is_damaged(
    prompted: RunSpec, undisturbed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_batches(monkeypatch)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    store, recording = Store(tmp_path), Recording()

    def dying(event: Event) -> None:
        recording.emit(event)
        if while_writing(event):
            raise KeyboardInterrupt  # what no part of a run handles, as a kill

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            execute(prompted, store, dying, lambda: False)
    starts = [event.done for event in recording.of("progress")]
    assert starts.count(min(starts)) == 1, "the second attempt goes on where the first was killed"
    path = store.checkpoint(prompted.key())
    path.write_bytes(path.read_bytes()[:-1])
    again = finish(prompted, store)
    assert again.of("progress")[0].done == min(starts)
    assert same(store, prompted.key(), undisturbed, prompted.key())
