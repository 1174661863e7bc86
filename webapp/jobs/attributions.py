"""Work on word attributions: computed for one example in a child process."""

import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from pydantic import TypeAdapter

from training.command_output import Attribution
from webapp.attributions import services
from webapp.attributions.models import Question
from webapp.child_processes import Child
from webapp.database_outages import patiently
from webapp.jobs.leased_work import HeldLease, concluded, follow
from webapp.jobs.shutdown import shutting_down

LONGEST_SECONDS = 120.0
"""The limit for the attributions of one example."""

NO_ANSWER = "The attribution could not be computed; words.log has the cause."
TOO_LONG = "It took longer than two minutes."
ATTRIBUTION: TypeAdapter[Attribution] = TypeAdapter(Attribution)


def work(rows: Sequence[Question]) -> None:
    """Compute claimed attributions, all of one example."""
    with concluded(str(rows[0]), lambda error: services.answer(rows, [], f"The work could not be done. {error}")):
        _work(rows)


def _work(rows: Sequence[Question]) -> None:
    lease, child = HeldLease(str(rows[0]), time.monotonic()), _start(rows)
    every, longest = settings.LEASE_RENEW_SECONDS, LONGEST_SECONDS
    try:
        attributions = follow(child, lease, lambda _: services.renew(rows), every=every, longest=longest)
    finally:
        child.kill()
    if lease.expired or (shutting_down.is_set() and child.stopping):
        patiently(lambda: services.give_back(rows))
        return
    error = TOO_LONG if child.stopping else NO_ANSWER
    patiently(lambda: services.answer(rows, attributions, error))


def _start(rows: Sequence[Question]) -> Child[Attribution]:
    keys = [row.key for row in rows]
    arguments = ["-m", "training", "words", str(rows[0].example), *keys, "--store", str(settings.ARTIFACTS_DIR)]
    return Child(arguments, ATTRIBUTION, Path(settings.LOG_DIR) / "words.log")
