import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from training.catalog.packages import NO_ENGINE, engine
from webapp.stack import CHORES_QUEUE, worker_command


class Command(BaseCommand):
    help = "Works for a laboratory whose database, broker and data folder this machine shares, until it is asked to end."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="worker", help="its name on this machine (default: %(default)s)")
        parser.add_argument("--chores", action="store_true", help="do what takes no training, such as imports, and train no runs")

    def handle(self, *args: Any, name: str, chores: bool, **options: Any) -> None:
        if not (chores or engine()):
            raise CommandError(NO_ENGINE)
        command = worker_command(name, *(CHORES_QUEUE if chores else ()))
        os.chdir(settings.BASE_DIR)
        os.execv(command[0], command)
