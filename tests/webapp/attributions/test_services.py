"""Attributions are requested once, computed once, and not lost with a worker."""

from datetime import timedelta

import pytest
from django.utils import timezone

from training.command_output import Attribution
from webapp.attributions import queries, services
from webapp.attributions.models import Question, State

pytestmark = pytest.mark.django_db
KEYS = ("a" * 64, "b" * 64)


def attribution(key: str, error: str = "") -> Attribution:
    return Attribution(run=key, id=7, log_odds=1.5, error=error)


def test_an_attribution_is_requested_once_and_all_of_an_example_are_claimed_together() -> None:
    services.request(KEYS, 7)
    services.request(KEYS, 7)
    services.request(KEYS[:1], 8)
    assert queries.queued() == 3
    assert [(row.key, row.example) for row in services.claim_next()] == [(KEYS[0], 7), (KEYS[1], 7)]
    assert [row.example for row in services.claim_next()] == [8]
    assert services.claim_next() == []


def test_answers_are_stored_by_run_and_what_is_missing_says_why() -> None:
    services.request(KEYS, 7)
    services.answer(services.claim_next(), [attribution(KEYS[0])], "Too long.")
    rows = queries.requested(KEYS, 7)
    assert rows[KEYS[0]].attribution == attribution(KEYS[0])
    assert (rows[KEYS[1]].state, rows[KEYS[1]].error, rows[KEYS[1]].attribution) == (State.FAILED, "Too long.", None)


def test_what_failed_may_be_requested_again_and_what_was_answered_stays() -> None:
    services.request(KEYS, 7)
    services.answer(services.claim_next(), [attribution(KEYS[0]), attribution(KEYS[1], "This run has left no weights.")], "")
    assert queries.requested(KEYS, 7)[KEYS[1]].error == "This run has left no weights."
    services.request(KEYS, 7)
    assert [row.key for row in services.claim_next()] == [KEYS[1]]


def test_a_worker_that_was_taken_for_dead_changes_nothing() -> None:
    services.request(KEYS[:1], 7)
    old = services.claim_next()
    expire()
    services.take_back_expired()
    new = services.claim_next()
    services.answer(old, [attribution(KEYS[0])], "")
    assert Question.objects.get().state == State.RUNNING
    services.answer(new, [attribution(KEYS[0])], "")
    assert Question.objects.get().state == State.ANSWERED


def test_an_attribution_is_given_up_after_three_workers_died() -> None:
    services.request(KEYS[:1], 7)
    for _ in range(services.MAX_ATTEMPTS):
        assert services.claim_next()
        services.take_back_expired()
        assert Question.objects.get().state == State.RUNNING, "its lease has not expired"
        expire()
        services.take_back_expired()
    row = Question.objects.get()
    assert (row.state, row.error) == (State.FAILED, services.LOST)


def expire() -> None:
    Question.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
