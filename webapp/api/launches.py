"""Requests that may be sent twice: the same Idempotency-Key and body within a day give the same experiment."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.api.models import Launch
from webapp.experiments.models import Experiment

KEPT = timedelta(hours=24)


class KeyTaken(Exception):
    """The key was used for another body."""


def once(user: User, key: str, body: bytes, create: Callable[[], Experiment]) -> tuple[Experiment, bool]:
    """The experiment of this key, and whether ``create`` made it now. Of two requests at once one makes it. Raises KeyTaken."""
    digest = hashlib.sha256(body).hexdigest()
    Launch.objects.filter(at__lt=timezone.now() - KEPT).delete()
    try:
        with transaction.atomic():
            made = create()
            Launch.objects.create(user=user, key=key, body=digest, experiment=made)
        return made, True
    except IntegrityError:  # and so what was created is not there either
        known = Launch.objects.select_related("experiment").get(user=user, key=key)
    if known.body != digest:
        raise KeyTaken("This Idempotency-Key was used for another request: take a new one.")
    return known.experiment, False
