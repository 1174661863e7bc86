import logging
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, connection

from webapp.erasures import services as erasures
from webapp.experiments import services, workers
from webapp.hooks import services as hooks
from webapp.imports import services as imports
from webapp.jobs import chores, damage, launch
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
        threading.Thread(target=_verify, args=[ended], daemon=True).start()
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


def _verify(ended: threading.Event) -> None:
    """Reads all artifacts again and again, slowly: what a disk changes by itself is found before somebody needs it."""
    while not ended.is_set():
        try:
            damage.verify_all(ended, damage.BYTES_PER_SECOND)
        except Exception:
            logger.exception("the artifacts could not be verified, which is tried again")
        finally:
            connection.close()
        ended.wait(settings.VERIFY_SECONDS)


def _tell() -> None:
    """Beside the recovery, which does not wait for a receiver that is slow."""
    try:
        hooks.deliver()
    except Error:
        logger.exception("the database is away, the webhook is told later")
    finally:
        connection.close()
