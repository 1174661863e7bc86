import signal
import sqlite3
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from training.storage.archive import size
from training.storage.remote import StoreUnreachable
from webapp.backups.backup import NotBackedUp, write
from webapp.management.progress import Progress


class Command(BaseCommand):
    help = "Writes the database and the files of the laboratory into one file, also while runs train."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the backup, a file that does not exist yet")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with Progress(self.stderr) as progress:
                manifest = write(file.absolute(), progress)
        except KeyboardInterrupt:
            raise CommandError("Stopped. No backup was made.") from None
        except (NotBackedUp, StoreUnreachable, DatabaseError, sqlite3.Error, OSError) as error:
            raise CommandError(f"No backup was made: {error}") from error
        self.stdout.write(f"{file}: {size(file.stat().st_size)}, runs: {manifest.rows['experiments.run']}.")
        self.stdout.write("It holds keys and password hashes: keep it as private as DATA_DIR.")
