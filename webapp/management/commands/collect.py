from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from webapp.experiments import unused_runs


class Command(BaseCommand):
    help = "Lists runs and folders that belong to no experiment any more, with their size; --delete deletes them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="delete what is listed; this cannot be undone")

    def handle(self, *args: Any, delete: bool, **options: Any) -> None:
        unused = unused_runs.unused()
        for row in unused:
            title = f"run {row.run.pk}, {row.run.get_status_display().lower()}" if row.run else "not in the database"
            self.stdout.write(f"{row.key[:12]}  {filesizeformat(row.size):>10}  {title}")
        total = filesizeformat(sum(row.size for row in unused))
        if not delete:
            self.stdout.write(f"{len(unused)} with {total} can be deleted. Nothing was deleted: use --delete.")
            return
        deleted = list(unused_runs.collect(unused))
        self.stdout.write(f"{len(deleted)} with {filesizeformat(sum(row.size for row in deleted))} were deleted.")
        if remaining := len(unused) - len(deleted):
            raise CommandError(f"{remaining} stay: an experiment needs them now, or the log says why.")
