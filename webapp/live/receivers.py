"""Signals that make open sockets check their access again: logout, and changes of accounts and experiments."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from webapp.experiments.models import Experiment
from webapp.live.notify import access_changed

HARMLESS = {"last_login", "first_name", "last_name", "email"}
"""Fields of an account that decide nothing."""


@receiver(post_delete, sender=Session)
@receiver(post_delete, sender=User)
@receiver(post_delete, sender=Experiment)
def deleted(sender: object, **_: Any) -> None:
    access_changed()


@receiver(post_save, sender=User)
def account_saved(sender: object, created: bool, update_fields: frozenset[str] | None, **_: Any) -> None:
    if not created and not (update_fields and update_fields <= HARMLESS):
        access_changed()
