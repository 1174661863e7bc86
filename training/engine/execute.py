"""The execution of runs: each is trained once, resumed after an interruption, reported again when it is finished."""

from collections.abc import Callable, Sequence
from functools import partial

from training.engine.attempt import Attempt
from training.engine.distributed.launcher import train_together
from training.engine.generation.writing import WritingTraining
from training.engine.heads.side_by_side import train_heads
from training.engine.train import train
from training.events import Event
from training.planning.groups import Key, group_of
from training.spec import RunSpec
from training.storage.artifacts import Store


def execute(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> None:
    """Train ``run`` and write its predictions and weights to ``store``, or a checkpoint once ``should_stop`` returns true.

    The last event is RunFinished or RunStopped. A finished run is only reported again; where one of its files is damaged, all are
    moved aside and it is trained again. Raises EngineError, with a sentence for the user, DamagedArtifact for a file of another
    run, and any other error of the training.
    """
    errors = list[Exception]()
    execute_together([run], store, lambda _, event: emit(event), lambda _: should_stop(), lambda _, error: errors.append(error))
    if errors:
        raise errors[0]


def execute_together(
    runs: Sequence[RunSpec],
    store: Store,
    emit: Callable[[str, Event], None],
    should_stop: Callable[[str], bool],
    fail: Callable[[str, Exception], None],
    beside: Sequence[str] = (),
) -> None:
    """Do what ``execute`` does for several runs that do not need each other. Runs of one group are trained side by side.

    Later runs need the features of the models ``beside``, which are computed with those of ``runs`` (``plan.same_pass``). All
    functions are called with the key of a run first. An error of a run ends that run only, with a call of ``fail``.
    """
    groups = dict[Key | str, list[Attempt]]()
    for run in runs:
        key = run.key()
        attempt = Attempt(run, store, partial(emit, key), partial(should_stop, key), partial(fail, key), len(runs))
        with attempt.ending():
            attempt.begin()
        if not attempt.ended:
            groups.setdefault(group_of(run) or key, []).append(attempt)
    for attempts in groups.values():
        if group_of(attempts[0].run):
            train_heads(attempts, store, beside)
        else:
            _train_alone(*attempts)


def _train_alone(attempt: Attempt) -> None:
    with attempt.ending():
        steps = partial(train, kind=WritingTraining) if attempt.run.writes else train
        train_together(steps, attempt.run, attempt.store, attempt.emit, attempt.should_stop)
        attempt.finish()
