import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum

from training.storage.checksums import DamagedArtifact
from training.storage.remote import StoreUnreachable
from webapp.experiments import compaction
from webapp.management.progress import Progress

BATCH = 500
MOST_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Moves the metrics, evaluations, progress and samples of runs that ended some days ago from the database into files of "
        "the store. It may be stopped at any moment."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, help="days since the end of a run (default: EVENTS_DAYS)")
        parser.add_argument("--dry-run", action="store_true", help="count the runs, and move nothing")

    def handle(self, *args: Any, days: float | None, dry_run: bool, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        days = settings.EVENTS_DAYS if days is None else days
        if not 0 <= days <= MOST_DAYS:
            raise CommandError(f"Give --days, a number from 0 to {MOST_DAYS}, or set EVENTS_DAYS.")
        due = compaction.due(days)
        if dry_run:
            events = due.aggregate(number=Sum("last_seq", default=0))["number"]
            self.stdout.write(f"{due.count()} runs with up to {events} events would be moved. Nothing was changed.")
            return
        if hindrance := compaction.hindrance():
            raise CommandError(f"Nothing was moved. {hindrance}")
        self._move(days)

    def _move(self, days: float) -> None:
        due, runs, events, failed = compaction.due(days), 0, 0, 0
        total = due.count()
        try:
            with Progress(self.stderr) as progress:
                while pks := list(due.values_list("pk", flat=True)[failed : failed + BATCH]):
                    for pk in pks:
                        progress("moving events", runs + failed, total)
                        try:
                            events += compaction.compact(pk)
                            runs += 1
                        except (OSError, DamagedArtifact, StoreUnreachable) as error:
                            self.stderr.write(f"run {pk}: {error}")
                            failed += 1
                    if failed >= BATCH:
                        break  # the store, and not the runs
        except KeyboardInterrupt:
            raise CommandError(f"Stopped after {runs} runs. The others keep their events in the database.") from None
        self.stdout.write(f"{events} events of {runs} runs are in files now.")
        if failed:
            raise CommandError(f"{failed} runs keep their events in the database.")
