"""Requests that may be repeated: the same Idempotency-Key and body within a day give the same experiment."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from webapp.api.models import Launch
from webapp.experiments.models import Experiment

LIFETIME = timedelta(hours=24)


class KeyTaken(Exception):
    """The key was used for another body."""


def once(user: User, key: str, body: bytes, create: Callable[[], Experiment]) -> tuple[Experiment, bool]:
    """Return the experiment of this key, and whether this call created it. Of two simultaneous requests one creates it.

    Raise KeyTaken.
    """
    digest = hashlib.sha256(body).hexdigest()
    Launch.objects.filter(at__lt=timezone.now() - LIFETIME).delete()
    try:
        with transaction.atomic():
            made = create()
            Launch.objects.create(user=user, key=key, body=digest, experiment=made)
        return made, True
    except IntegrityError:  # the experiment of this call is rolled back too
        known = Launch.objects.select_related("experiment").get(user=user, key=key)
    if known.body != digest:
        raise KeyTaken("This Idempotency-Key was used for another request: take a new one.")
    return known.experiment, False
