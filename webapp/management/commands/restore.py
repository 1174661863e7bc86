import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from training.storage.remote import StoreUnreachable
from webapp.backups.contents import NotRestorable
from webapp.backups.restore import restore
from webapp.management.progress import Progress


class Command(BaseCommand):
    help = "Makes an empty installation what a backup says; its database may be of another kind."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a file that the command backup has written")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with Progress(self.stderr) as progress:
                manifest = restore(file.absolute(), progress)
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing was restored.") from None
        except (NotRestorable, StoreUnreachable, DatabaseError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored as of {manifest.made_at:%Y-%m-%d %H:%M} UTC. Runs that trained then are queued.")
