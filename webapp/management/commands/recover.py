import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, connection

from webapp.erasures import services as erasures
from webapp.experiments import services, workers
from webapp.hooks import services as hooks
from webapp.imports import services as imports
from webapp.jobs import chores, launch
from webapp.jobs.dispatch import announce, resend

logger = logging.getLogger(__name__)

SECONDS = 2.0


class Command(BaseCommand):
    help = "Takes work back from workers that died and sends what is queued again; one process of an installation does this."

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, lambda *_: ended.set())
        telling = threading.Thread()
        while not ended.wait(SECONDS):
            try:
                if changed := services.take_back_expired() | services.refresh_overdue():
                    announce(changed)
                resend()
                workers.forget()
                launch.stop_used_up()
                imports.fail_expired()
                erasures.take_back_expired()
                chores.resend()
                if hooks.note() and not telling.is_alive():
                    telling = threading.Thread(target=_tell, daemon=True)
                    telling.start()
            except Error:
                logger.exception("the database is away, recovery tries again")
                connection.close()


def _tell() -> None:
    """Beside the recovery, which does not wait for a receiver that is slow."""
    try:
        hooks.deliver()
    except Error:
        logger.exception("the database is away, the webhook is told later")
    finally:
        connection.close()
