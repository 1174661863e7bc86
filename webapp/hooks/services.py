"""Which calls are due, and calling. The record decides what was told: nothing is lost while the receiver is away."""

import hashlib
import hmac
import json
from datetime import timedelta

import httpx2
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.hooks.message import message
from webapp.hooks.models import Call

LONGEST_TRIES = 10
FIRST_PAUSE_SECONDS = 5.0
SECONDS = 10.0
"""A receiver that takes longer has not received it."""
OLDEST = timedelta(days=1)
"""An experiment that ended earlier is not told any more, as when a webhook is set up later than that."""


def note() -> bool:
    """Notes a call for each experiment that came to rest since the last time. Whether any call is due."""
    if not settings.WEBHOOK_URL:
        return False
    now = timezone.now()
    ended = Experiment.objects.filter(ended_at__gt=now - OLDEST, launched_at__isnull=False, result_due=False)
    for pk, ended_at in ended.exclude(calls__ended_at=F("ended_at")).values_list("pk", "ended_at"):
        assert ended_at is not None
        Call.objects.get_or_create(experiment_id=pk, ended_at=ended_at, defaults={"due_at": now})
    return Call.objects.filter(due_at__lte=now).exists()


def deliver() -> None:
    """Makes the calls that are due. What fails is tried again after pauses that grow, up to an hour."""
    for call in Call.objects.filter(due_at__lte=timezone.now()).select_related("experiment__owner"):
        _call(call)


def _call(call: Call) -> None:
    if queries.state(call.experiment) not in ("finished", "failed", "stopped"):
        call.due_at, call.problem = None, "It was launched again before it was told."
        call.save(update_fields=["due_at", "problem"])
        return
    call.tries += 1
    call.problem = send(json.dumps(message(call, settings.SITE_URL)).encode())
    now = timezone.now()
    if not call.problem:
        call.due_at, call.delivered_at = None, now
    elif call.tries >= LONGEST_TRIES:
        call.due_at = None
    else:
        call.due_at = now + timedelta(seconds=min(FIRST_PAUSE_SECONDS * 4 ** (call.tries - 1), 3600))
    call.save(update_fields=["tries", "problem", "due_at", "delivered_at"])


def send(body: bytes) -> str:
    """Posts ``body`` to the webhook; what went wrong, or nothing.

    With WEBHOOK_SECRET the header X-Lab-Signature is "sha256=" and the HMAC-SHA256 of the body in hexadecimal.
    """
    headers = {"Content-Type": "application/json"}
    if settings.WEBHOOK_SECRET:
        digest = hmac.new(settings.WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers["X-Lab-Signature"] = f"sha256={digest}"
    try:
        answer = httpx2.post(settings.WEBHOOK_URL, content=body, headers=headers, timeout=SECONDS, follow_redirects=False)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return f"{type(error).__name__}: {error}"
    return "" if answer.is_success else f"It answered {answer.status_code}: {answer.text[:200]}"
