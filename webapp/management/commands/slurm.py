import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from webapp.database_outages import AWAY
from webapp.jobs import slurm


class Command(BaseCommand):
    help = (
        "Starts workers as jobs of Slurm while runs are queued, and ends those without work, until it is stopped. "
        "Options after -- are passed on to sbatch."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--most", type=int, default=4, help="jobs at a time (default: %(default)s)")
        parser.add_argument("--minutes", type=int, default=240, help="time limit of a job (default: %(default)s)")
        parser.add_argument("--grace", type=int, default=120, help="seconds for a worker to end before it (default: %(default)s)")
        parser.add_argument("--every", type=float, default=30.0, help="seconds between two looks (default: %(default)s)")
        parser.add_argument("--once", action="store_true", help="look once and end")
        parser.add_argument("sbatch", nargs="*", help="further options of sbatch")

    def handle(self, *args: Any, most: int, minutes: int, grace: int, every: float, once: bool, **options: Any) -> None:
        ended, settings = threading.Event(), slurm.Options(most, minutes, grace, tuple(options["sbatch"]))
        if not once:
            signal.signal(signal.SIGTERM, lambda *_: ended.set())
        while not ended.is_set():
            try:
                change = slurm.once(settings)
            except AWAY as error:
                self.stderr.write(f"The database is away, tried again: {error}")
                connection.close()
            except slurm.SlurmError as error:
                if once:
                    raise CommandError(str(error)) from error
                self.stderr.write(str(error))
            else:
                if change.submitted or change.ended:
                    self.stdout.write(f"{change.submitted} submitted, {len(change.ended)} ended.")
                    self.stdout.flush()
            if once:
                return
            ended.wait(every)
