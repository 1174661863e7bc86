from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.template.defaultfilters import filesizeformat

from webapp.experiments import unused_runs


class Command(BaseCommand):
    help = "Lists the runs and folders that no experiment refers to any more, with their size; with --delete they go."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="delete what is listed; this cannot be undone")

    def handle(self, *args: Any, delete: bool, **options: Any) -> None:
        found = unused_runs.unused()
        for one in found:
            what = f"run {one.run.pk}, {one.run.get_status_display().lower()}" if one.run else "no run of the record"
            self.stdout.write(f"{one.key[:12]}  {filesizeformat(one.size):>10}  {what}")
        total = filesizeformat(sum(one.size for one in found))
        if not delete:
            self.stdout.write(f"{len(found)} with {total} could go. Nothing was deleted: that is done with --delete.")
            return
        gone = list(unused_runs.collect(found))
        self.stdout.write(f"{len(gone)} with {filesizeformat(sum(one.size for one in gone))} are gone.")
