import os
import re
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from training import environment
from training.catalog.packages import NO_ENGINE, engine
from training.storage.https_remote import Refused
from webapp.jobs import https_worker
from webapp.stack import CHORES_QUEUE, worker_command

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Command(BaseCommand):
    help = "Works for a laboratory until it is asked to end: with its database, broker and data folder, or by HTTPS alone."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="worker", help="its name on this machine (default: %(default)s)")
        parser.add_argument("--server", metavar="URL", help="reach the laboratory by HTTPS alone: its address")
        parser.add_argument("--token-file", metavar="FILE", help="with --server: the token of a worker, or W2S_TOKEN_FILE has it")
        parser.add_argument("--ca-file", metavar="FILE", help="with --server: certificates of further authorities to trust")
        parser.add_argument("--chores", action="store_true", help="do what takes no training, such as imports, and train no runs")

    def handle(self, *args: Any, name: str, chores: bool, server: str | None, **options: Any) -> None:
        if not (chores or engine()):
            raise CommandError(NO_ENGINE)
        if server:
            self._serve(server, name, chores, options["token_file"], options["ca_file"])
            return
        command = worker_command(name, *(CHORES_QUEUE if chores else ()))
        os.chdir(settings.BASE_DIR)
        os.execv(command[0], command)

    def _serve(self, server: str, name: str, chores: bool, token_file: str | None, ca_file: str | None) -> None:
        if chores:
            raise CommandError("A worker by HTTPS trains runs: --chores needs the database.")
        if not NAME.fullmatch(name):
            raise CommandError("--name has letters, digits, dots, - and _, at most 63, and begins with a letter or digit.")
        for variable, file in (("W2S_TOKEN_FILE", token_file), ("W2S_CA_FILE", ca_file)):
            if file:
                os.environ[variable] = file  # for the trainer too, which reads and writes files
        try:
            environment.read_secrets(("W2S_TOKEN",))
            if not environment.text("W2S_TOKEN"):
                raise CommandError("Name the file with the token of a worker: --token-file, or W2S_TOKEN_FILE.")
            self.stdout.write(f"{https_worker.full_name(name)} works for {server} until it is asked to end.")
            https_worker.serve(server, name)
        except (environment.SettingError, Refused, https_worker.NameTaken) as error:
            raise CommandError(str(error)) from None
