"""Every write to questions."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from training.notices import Erasure
from webapp.erasures.models import Question, State

LONGEST_SECONDS = 120.0
"""For the answers about one example."""
GRACE_SECONDS = 30.0
MAX_ATTEMPTS = 3
LOST = "The worker that looked for the answer died, three times over."


@transaction.atomic
def ask(keys: Iterable[str], example: int) -> None:
    """Queues what has not been asked yet, or has failed."""
    for key in keys:
        one, _ = Question.objects.select_for_update().get_or_create(key=key, example=example)
        if one.state == State.FAILED:
            one.state, one.error, one.attempt = State.QUEUED, "", 0
            one.save()


@transaction.atomic
def claim_next() -> list[Question]:
    """All that is queued about one example, for the worker that asks."""
    first = Question.objects.filter(state=State.QUEUED).first()
    if first is None:
        return []
    found = list(Question.objects.select_for_update().filter(state=State.QUEUED, example=first.example))
    for one in found:
        one.state, one.attempt = State.RUNNING, one.attempt + 1
        one.lease_until = timezone.now() + timedelta(seconds=LONGEST_SECONDS + GRACE_SECONDS)
        one.save()
    return found


@transaction.atomic
def answer(asked: Sequence[Question], found: Iterable[Erasure], otherwise: str) -> None:
    """Stores the answers; ``otherwise`` is what to say of questions that got none. Those of another attempt stay."""
    answers = {one.run: one for one in found}
    for question in asked:
        mine = Question.objects.select_for_update().filter(pk=question.pk, attempt=question.attempt, state=State.RUNNING).first()
        if mine is None:
            continue
        got = answers.get(mine.key)
        mine.error = otherwise if got is None else got.error
        mine.state, mine.lease_until = State.FAILED if mine.error else State.ANSWERED, None
        mine.answer = None if got is None or got.error else got.model_dump(mode="json")
        mine.save()


def take_back_expired() -> None:
    """Queues again what a worker that died was at, and gives up what three workers died of."""
    gone = Question.objects.filter(state=State.RUNNING, lease_until__lt=timezone.now())
    gone.filter(attempt__gte=MAX_ATTEMPTS).update(state=State.FAILED, error=LOST, lease_until=None)
    gone.filter(attempt__lt=MAX_ATTEMPTS).update(state=State.QUEUED, lease_until=None)
