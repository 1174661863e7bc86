"""Every write to attributions."""

import contextlib
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F

from training.command_output import Attribution
from webapp.attributions.models import AT_WORK, Question, State
from webapp.database_outages import Outage
from webapp.leases import Leases, StaleAttempt
from webapp.row_isolation import Isolated

MAX_ATTEMPTS = 3
LOST = "The worker that computed this attribution died, in three attempts."

leases = Leases(Question, {"state": State.RUNNING})


@transaction.atomic
def request(keys: Iterable[str], example: int) -> None:
    """Queue the attributions of these runs for the example, unless they are queued or done; one that failed is queued again."""
    for key in keys:
        row, _ = Question.objects.select_for_update().get_or_create(key=key, example=example)
        if row.state == State.FAILED:
            row.state, row.error, row.attempt = State.QUEUED, "", 0
            row.save()


@transaction.atomic
def claim_next() -> list[Question]:
    """Claim everything that is queued for one example."""
    queued = Question.objects.filter(state=State.QUEUED).order_by("pk")
    first = next(_claiming.each(list(queued.values_list("pk", flat=True)), _readable, _fail_damaged), None)
    if first is None:
        return []
    same = list(queued.filter(example=first.example).values_list("pk", flat=True))
    rows = _claiming.all(same, _readable, _fail_damaged)
    for row in rows:
        leases.claim(row, state=State.RUNNING)
    return rows


_claiming = Isolated("queued attributions", first=0)


def _readable(pk: int) -> Question:
    """Return the row, locked, without its answer, which will be replaced whatever it contains."""
    row = Question.objects.select_for_update().defer("answer").get(pk=pk)
    if not isinstance(row.example, int):
        raise TypeError(f"{row.example!r} is not the number of an example")
    return row


def _fail_damaged(pk: int, error: str) -> None:
    damaged = f"The record of this attribution is damaged. {error}"
    Question.objects.filter(pk=pk, state__in=AT_WORK).update(state=State.FAILED, error=damaged, lease_until=None)


def renew(rows: Sequence[Question]) -> None:
    """Renew the leases. Raises StaleAttempt where none of them is left."""
    stale = 0
    for row in rows:
        try:
            leases.renew(row.pk, row.attempt)
        except StaleAttempt:
            stale += 1
            if stale == len(rows):
                raise


@transaction.atomic
def answer(rows: Sequence[Question], attributions: Iterable[Attribution], error: str) -> None:
    """Store the attributions; ``error`` is for rows that got none. Rows of another attempt stay as they are."""
    by_run = {attribution.run: attribution for attribution in attributions}
    for row in rows:
        attribution = by_run.get(row.key)
        failure = error if attribution is None else attribution.error
        stored = None if attribution is None or failure else attribution.model_dump(mode="json")
        _end(row, state=State.FAILED if failure else State.ANSWERED, error=failure, answer=stored)


def give_back(rows: Sequence[Question]) -> None:
    """Return the attributions of a worker that shuts down to the queue."""
    for row in rows:
        _end(row, state=State.QUEUED)


def _end(row: Question, **columns: object) -> None:
    with contextlib.suppress(StaleAttempt):
        leases.end(row.pk, row.attempt, **columns)


def take_back_expired(outage: Outage | None = None) -> None:
    """Queue the attributions again whose worker died, and give up those that failed in three attempts.

    An attempt that ended because of the database's own ``outage`` does not count.
    """
    excused = leases.excused(outage).filter(attempt__gt=0)
    excused.update(state=State.QUEUED, lease_until=None, attempt=F("attempt") - 1)
    leases.expired().filter(attempt__gte=MAX_ATTEMPTS).update(state=State.FAILED, error=LOST, lease_until=None)
    leases.expired().update(state=State.QUEUED, lease_until=None)
