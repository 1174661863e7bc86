"""Calls of the webhook. They are stored before they are made, so none is lost while the receiver is unavailable."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from webapp import outgoing_requests
from webapp.experiments.models import Experiment
from webapp.row_isolation import Isolated
from webapp.webhooks.message import message
from webapp.webhooks.models import Call

LONGEST_TRIES = 10
FIRST_PAUSE_SECONDS = 5.0
SECONDS = 10.0
"""Timeout of a call; a slower receiver counts as failed."""
OLDEST = timedelta(days=1)
"""Age after which the end of an experiment is not reported any more, for example when a webhook is set up later."""


def note() -> bool:
    """Store a call for each experiment that ended since the last time. Return whether any call is due."""
    if not settings.WEBHOOK_URL:
        return False
    ended = Experiment.objects.filter(ended_at__gt=timezone.now() - OLDEST, launched_at__isnull=False, result_due=False)
    uncalled = list(ended.exclude(calls__ended_at=F("ended_at")).values_list("pk", flat=True))
    _noting.all(uncalled, _note)
    return Call.objects.filter(due_at__lte=timezone.now()).exists()


_noting, _delivering = Isolated("noting webhooks"), Isolated("webhooks", first=0)


def _note(experiment_id: int) -> None:
    ended_at = Experiment.objects.values_list("ended_at", flat=True).get(pk=experiment_id)
    if ended_at is not None:
        Call.objects.get_or_create(experiment_id=experiment_id, ended_at=ended_at, defaults={"due_at": timezone.now()})


def deliver() -> None:
    """Make the calls that are due. Failed ones are repeated after growing pauses of up to an hour."""
    due = list(Call.objects.filter(due_at__lte=timezone.now()).values_list("pk", flat=True))
    _delivering.all(due, _call, _fail)


def _fail(pk: int, error: str) -> None:
    """Postpone a call whose message cannot be made, because its record or that of its experiment is damaged."""
    tries = Call.objects.values_list("tries", flat=True).get(pk=pk)
    tries = tries + 1 if isinstance(tries, int) else LONGEST_TRIES
    problem = f"The message cannot be made. {error}"
    Call.objects.filter(pk=pk).update(tries=tries, problem=problem, due_at=_again_at(tries))


def _again_at(tries: int) -> datetime | None:
    """Return the time of the next attempt after this number of failures, or None after the last one."""
    if tries >= LONGEST_TRIES:
        return None
    return timezone.now() + timedelta(seconds=min(FIRST_PAUSE_SECONDS * 4 ** (tries - 1), 3600))


def _call(pk: int) -> None:
    call = Call.objects.select_related("experiment__owner").get(pk=pk)
    if call.experiment.state not in ("finished", "failed", "stopped"):
        call.due_at, call.problem = None, "The experiment was launched again before the call."
        call.save(update_fields=["due_at", "problem"])
        return
    call.tries += 1
    call.problem = send(json.dumps(message(call, settings.SITE_URL)).encode())
    if call.problem:
        call.due_at = _again_at(call.tries)
    else:
        call.due_at, call.delivered_at = None, timezone.now()
    call.save(update_fields=["tries", "problem", "due_at", "delivered_at"])


def send(body: bytes) -> str:
    """Post ``body`` to the webhook. Return the problem, or an empty text.

    With WEBHOOK_SECRET the header X-Lab-Signature is "sha256=" and the HMAC-SHA256 of the body in hexadecimal.
    """
    headers = {"Content-Type": "application/json"}
    if settings.WEBHOOK_SECRET:
        digest = hmac.new(settings.WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers["X-Lab-Signature"] = f"sha256={digest}"
    try:
        answer = outgoing_requests.request("POST", settings.WEBHOOK_URL, content=body, headers=headers, seconds=SECONDS)
    except outgoing_requests.Unreachable as error:
        return str(error)
    return "" if answer.is_success else f"It answered {answer.status}: {answer.text[:200]}"
