"""Every write to questions."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from training.command_output import Attribution
from webapp.attributions.models import AT_WORK, Question, State
from webapp.database_outages import Outage
from webapp.row_isolation import Isolated

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
    queued = Question.objects.filter(state=State.QUEUED).order_by("pk")
    first = next(_claiming.each(list(queued.values_list("pk", flat=True)), _readable, _fail_damaged), None)
    if first is None:
        return []
    same = list(queued.filter(example=first.example).values_list("pk", flat=True))
    found = _claiming.all(same, _readable, _fail_damaged)
    for one in found:
        one.state, one.attempt = State.RUNNING, one.attempt + 1
        one.lease_until = timezone.now() + timedelta(seconds=LONGEST_SECONDS + GRACE_SECONDS)
        one.save(update_fields=["state", "attempt", "lease_until"])
    return found


_claiming = Isolated("queued attributions", first=0)


def _readable(pk: int) -> Question:
    """The question without its answer, which is to come, whatever stands there."""
    question = Question.objects.select_for_update().defer("answer").get(pk=pk)
    if not isinstance(question.example, int):
        raise TypeError(f"{question.example!r} is no number of an example")
    return question


def _fail_damaged(pk: int, error: str) -> None:
    said = f"The record of this question is damaged. {error}"
    Question.objects.filter(pk=pk, state__in=AT_WORK).update(state=State.FAILED, error=said, lease_until=None)


@transaction.atomic
def answer(asked: Sequence[Question], found: Iterable[Attribution], otherwise: str) -> None:
    """Stores the answers; ``otherwise`` is what to say of questions that got none. Those of another attempt stay."""
    answers = {one.run: one for one in found}
    running = Question.objects.select_for_update().filter(state=State.RUNNING).defer("answer")
    for question in asked:
        mine = running.filter(pk=question.pk, attempt=question.attempt).first()
        if mine is None:
            continue
        got = answers.get(mine.key)
        mine.error = otherwise if got is None else got.error
        mine.state, mine.lease_until = State.FAILED if mine.error else State.ANSWERED, None
        mine.answer = None if got is None or got.error else got.model_dump(mode="json")
        mine.save()


def take_back_expired(outage: Outage | None = None) -> None:
    """Queues again what a worker that died was at, and gives up what three workers died of.

    What the database's own ``outage`` ended does not count.
    """
    gone = Question.objects.filter(state=State.RUNNING, lease_until__lt=timezone.now())
    if outage:
        excused = gone.filter(lease_until__range=outage.leases, attempt__gt=0)
        excused.update(state=State.QUEUED, lease_until=None, attempt=F("attempt") - 1)
    gone.filter(attempt__gte=MAX_ATTEMPTS).update(state=State.FAILED, error=LOST, lease_until=None)
    gone.filter(attempt__lt=MAX_ATTEMPTS).update(state=State.QUEUED, lease_until=None)
