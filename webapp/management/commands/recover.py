import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from webapp import tracing
from webapp.actions import artifacts, experiments
from webapp.attributions import services as attributions
from webapp.database_outages import AWAY, Watch, reconnect
from webapp.experiments import archive_imports, compaction, imported_runs, results, services, workers
from webapp.imports import services as imports
from webapp.jobs.chores import resend_chores
from webapp.notifications import notify, resend_training
from webapp.row_isolation import Isolated
from webapp.webhooks import services as webhooks

logger = logging.getLogger(__name__)

SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
CLEAR_SECONDS = 3600.0


class Command(BaseCommand):
    help = "Takes work back from workers that died and sends queued work again. One process of an installation does this."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, lambda *_: ended.set())
        tracing.start("recover")
        recovery = Recovery()
        threading.Thread(target=_verify, args=[ended], daemon=True).start()
        while not ended.wait(SECONDS):
            recovery.round()
        tracing.stop()  # a fork ends without the functions of atexit


class Recovery:
    """The steps that are repeated. A step that fails does not keep the others from being done."""

    def __init__(self) -> None:
        self.watch = Watch(SECONDS)
        self.steps: dict[str, Callable[[], object]] = {
            "leases of runs": self._take_back_runs,
            "results": lambda: notify(results.refresh_overdue()),
            "queued runs": resend_training,
            "workers": workers.forget,
            "budgets": experiments.stop_used_up,
            "leases of imports": self._take_back_imports,
            "archives": self._take_back_archives,
            "uploads": self._clear_uploads,
            "imported runs": imported_runs.compare,
            "leases of attributions": self._take_back_attributions,
            "queued chores": resend_chores,
            "launches and stops": self._complete,
            "webhooks": self._deliver,
            "events": self._compact,
        }
        self._steps = Isolated("recovery", first=SECONDS, longest=LONGEST_PAUSE_SECONDS)
        self._away, self._uploads_at = False, 0.0
        self._delivering, self._completing, self._compacting = threading.Thread(), threading.Thread(), threading.Thread()

    def round(self) -> None:
        """Take every step once, or none while the database is away."""
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
            notify(services.take_back_expired(self.watch.outage))

    def _take_back_imports(self) -> None:
        if not self.watch.quiet:
            imports.fail_expired(self.watch.outage)

    def _take_back_archives(self) -> None:
        if not self.watch.quiet:
            archive_imports.fail_expired()
            archive_imports.delete_abandoned()

    def _clear_uploads(self) -> None:
        """Delete what killed processes have left of uploads, at the first round and now and then."""
        if not self.watch.quiet and time.monotonic() >= self._uploads_at:
            self._uploads_at = time.monotonic() + CLEAR_SECONDS
            imports.clear_strays()
            archive_imports.clear_strays()

    def _take_back_attributions(self) -> None:
        if not self.watch.quiet:
            attributions.take_back_expired(self.watch.outage)

    def _complete(self) -> None:
        """Complete launches and stops in a thread, so that large experiments do not delay the recovery."""
        if experiments.unfinished() and not self._completing.is_alive():
            self._completing = threading.Thread(target=_complete, daemon=True)
            self._completing.start()

    def _deliver(self) -> None:
        """Call webhooks in a thread, so that a slow receiver does not delay the recovery."""
        if webhooks.note() and not self._delivering.is_alive():
            self._delivering = threading.Thread(target=_deliver, daemon=True)
            self._delivering.start()

    def _compact(self) -> None:
        """Move events of ended runs to files in a thread, so that a slow store does not delay the recovery."""
        if compaction.due(settings.EVENTS_DAYS).exists() and not self._compacting.is_alive():
            self._compacting = threading.Thread(target=_compact, daemon=True)
            self._compacting.start()


def _complete() -> None:
    try:
        with tracing.span("launches and stops"):
            experiments.complete()
    except Exception:
        logger.exception("launches and stops are completed later")
    finally:
        connection.close()


def _verify(ended: threading.Event) -> None:
    """Read all artifacts repeatedly and slowly, so that damage by the disk is found before a run or a page needs the file."""
    while not ended.is_set():
        try:
            artifacts.verify_all(ended, artifacts.BYTES_PER_SECOND)
        except Exception:
            logger.exception("the artifacts could not be verified, which is tried again")
        finally:
            connection.close()
        ended.wait(settings.VERIFY_SECONDS)


def _deliver() -> None:
    try:
        with tracing.span("webhooks"):
            webhooks.deliver()
    except Exception:
        logger.exception("the webhook is called later")
    finally:
        connection.close()


def _compact() -> None:
    try:
        compaction.compact_some(settings.EVENTS_DAYS)
    except Exception:
        logger.exception("events are moved to files later")
    finally:
        connection.close()
