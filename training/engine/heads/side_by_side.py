"""The training of heads on the same inputs, side by side: each run has its own events, files and end."""

from collections.abc import Callable, Iterable, Sequence

from training.engine.attempt import Attempt, ending
from training.engine.data.examples import load_examples
from training.engine.determinism import HEAD_THREADS, make_deterministic, threads
from training.engine.distributed import launcher
from training.engine.errors import Stopped
from training.engine.heads.head_training import HeadTraining
from training.engine.heads.stack import Stack
from training.engine.heads.vectors import Vectors
from training.engine.models import model_files
from training.engine.models.input_loading import load_inputs
from training.events import Event
from training.storage.artifacts import Store

STEP_BYTES = 2**28
"""Most bytes of the vectors of one step of several runs; further runs are trained after them."""
STACK_BYTES, COPIES = 2**29, 6
"""Most bytes of the heads of several runs in one step: their labels, and so many copies of their weights, as the moments."""


def train_heads(attempts: Sequence[Attempt], store: Store, beside: Iterable[str] = ()) -> None:
    """Train runs of one group, and write their files to ``store``. Each attempt ends by itself.

    The pass that computes their features computes those of the models ``beside`` as well.
    """
    make_deterministic(attempts[0].run.seed)  # every draw of a head has a generator of its own
    with ending(attempts), threads(HEAD_THREADS):
        launcher.settings()  # a head needs one process, but a worker that is set up wrongly says so whatever it trains
        trainings, vectors = _prepare(attempts, store, beside)
        stacks = _stacks(trainings)
        for number, stack in enumerate(stacks, start=1):
            later = [training.attempt for each in stacks[number:] for training in each]
            _fit([training for training in stack if not training.attempt.ended], vectors, later)


def _stacks(trainings: list[HeadTraining]) -> list[list[HeadTraining]]:
    """Return the runs in parts with equally many places, whose vectors and heads take no more than that in one step."""
    stacks = list[list[HeadTraining]]()
    for places in sorted({training.head.places for training in trainings}):
        alike = [training for training in trainings if training.head.places == places]
        head = alike[0].head
        of_heads = COPIES * head.weights.nbytes + max(training.head.labels.nbytes for training in alike)
        most = max(1, min(STEP_BYTES // (head.width * places * 4), STACK_BYTES // of_heads))
        stacks += [alike[start : start + most] for start in range(0, len(alike), most)]
    return stacks


def _prepare(attempts: Sequence[Attempt], store: Store, beside: Iterable[str]) -> tuple[list[HeadTraining], Vectors]:
    """Return the runs that are ready for their first step, with the inputs of all. Raises Stopped where none is wanted any more.

    A download or the computation of features is progress of each run.
    """

    def emit(event: Event) -> None:
        for attempt in attempts:
            if not attempt.ended:
                attempt.emit(event)

    def should_stop() -> bool:
        return _all_stopped(attempts)

    with model_files.watched(emit, should_stop):
        trainings = _begin(attempts, store, should_stop)
        if not trainings:
            raise Stopped
        vectors = Vectors(load_inputs(trainings[0].run, trainings[0].examples, store, emit, should_stop, beside))
        for training in trainings:
            if not training.attempt.ended:
                with training.attempt.ending():
                    training.start(vectors)
    return [training for training in trainings if not training.attempt.ended], vectors


def _begin(attempts: Sequence[Attempt], store: Store, should_stop: Callable[[], bool]) -> list[HeadTraining]:
    trainings = []
    examples = load_examples(attempts[0].run.dataset, attempts[0].run.fingerprint)
    for attempt in attempts:
        with attempt.ending():
            training = HeadTraining(attempt, examples, store, should_stop)
            training.begin()
            trainings.append(training)
    return [training for training in trainings if not training.attempt.ended]


def _all_stopped(attempts: Sequence[Attempt]) -> bool:
    """Return whether nobody wants the runs any more; those that were asked to stop have ended. None is in training."""
    for attempt in attempts:
        if not attempt.ended and attempt.should_stop():
            attempt.end(Stopped())
    return all(attempt.ended for attempt in attempts)


def _fit(trainings: list[HeadTraining], vectors: Vectors, later: Sequence[Attempt]) -> None:
    """Train until every run has ended; those that are trained ``later`` may be asked to stop meanwhile."""
    stack = None
    while going := [training for training in trainings if training.goes_on(stack)]:
        _all_stopped(later)
        if stack is None or len(going) < len(trainings):
            stack, trainings = Stack([training.head for training in going], vectors), going
        stack.step()
