import logging
import signal
import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from webapp.actions import experiments
from webapp.attributions import services as erasures
from webapp.database_outages import AWAY, Watch, reconnect
from webapp.experiments import archive_imports, imported_runs, services, workers
from webapp.imports import services as imports
from webapp.jobs import chores, damaged_artifacts
from webapp.jobs.dispatch import announce, resend
from webapp.row_isolation import Isolated
from webapp.webhooks import services as hooks

logger = logging.getLogger(__name__)

SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0


class Command(BaseCommand):
    help = "Takes work back from workers that died and sends what is queued again; one process of an installation does this."

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, lambda *_: ended.set())
        recovery = Recovery()
        threading.Thread(target=_verify, args=[ended], daemon=True).start()
        while not ended.wait(SECONDS):
            recovery.round()


class Recovery:
    """What is done again and again, step by step: a step that fails keeps no other from being done."""

    def __init__(self) -> None:
        self.watch = Watch(SECONDS)
        self.steps: dict[str, Callable[[], object]] = {
            "leases of runs": self._take_back_runs,
            "results": lambda: announce(services.refresh_overdue()),
            "queued runs": resend,
            "workers": workers.forget,
            "budgets": experiments.stop_used_up,
            "leases of imports": self._take_back_imports,
            "archives": self._take_back_archives,
            "imported runs": imported_runs.compare,
            "leases of attributions": self._take_back_attributions,
            "queued chores": chores.resend,
            "launches and stops": self._complete,
            "webhooks": self._tell,
        }
        self._steps = Isolated("recovery", first=SECONDS, longest=LONGEST_PAUSE_SECONDS)
        self._away = False
        self._telling, self._completing = threading.Thread(), threading.Thread()

    def round(self) -> None:
        """One time through all steps; none of them, while the database is away."""
        try:
            self.watch.look()
        except AWAY as error:
            if not self._away:
                logger.warning("the database is away, recovery tries again: %s", error)
            self._away = True
            return
        self._away = False
        for name, step in self.steps.items():
            try:
                self._steps.all([name], lambda _, step=step: step())  # type: ignore[misc]
            except AWAY:
                logger.exception("%s: the database went away, recovery tries again", name)
                reconnect()

    def _take_back_runs(self) -> None:
        if not self.watch.quiet:
            announce(services.take_back_expired(self.watch.outage))

    def _take_back_imports(self) -> None:
        if not self.watch.quiet:
            imports.fail_expired(self.watch.outage)

    def _take_back_archives(self) -> None:
        if not self.watch.quiet:
            archive_imports.fail_expired()
            archive_imports.sweep()

    def _take_back_attributions(self) -> None:
        if not self.watch.quiet:
            erasures.take_back_expired(self.watch.outage)

    def _complete(self) -> None:
        """Beside the recovery, which does not wait for large experiments."""
        if experiments.unfinished() and not self._completing.is_alive():
            self._completing = threading.Thread(target=_complete, daemon=True)
            self._completing.start()

    def _tell(self) -> None:
        """Beside the recovery, which does not wait for a receiver that is slow."""
        if hooks.note() and not self._telling.is_alive():
            self._telling = threading.Thread(target=_deliver, daemon=True)
            self._telling.start()


def _complete() -> None:
    try:
        experiments.complete()
    except Exception:
        logger.exception("launches and stops are completed later")
    finally:
        connection.close()


def _verify(ended: threading.Event) -> None:
    """Reads all artifacts again and again, slowly: what a disk changes by itself is found before somebody needs it."""
    while not ended.is_set():
        try:
            damaged_artifacts.verify_all(ended, damaged_artifacts.BYTES_PER_SECOND)
        except Exception:
            logger.exception("the artifacts could not be verified, which is tried again")
        finally:
            connection.close()
        ended.wait(settings.VERIFY_SECONDS)


def _deliver() -> None:
    try:
        hooks.deliver()
    except Exception:
        logger.exception("the webhook is called later")
    finally:
        connection.close()
