"""Signals that make open sockets check their access again: changes of links and shares. ``links.revoke`` notifies itself."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from webapp.live.notify import access_changed
from webapp.shares.models import Link, Share


@receiver(post_delete, sender=Link)
@receiver(post_delete, sender=Share)
def deleted(sender: object, **_: Any) -> None:
    access_changed()


@receiver(post_save, sender=Link)
@receiver(post_save, sender=Share)
def saved(sender: object, created: bool, **_: Any) -> None:
    if not created:
        access_changed()
