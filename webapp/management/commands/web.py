import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.server_socket import host_of, listen
from webapp.stack import web_command


class Command(BaseCommand):
    help = "Serves the pages and the API until it is stopped; without a migration, the collection of static files, and workers."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        try:
            listener = listen(host, port)
        except OSError as error:
            raise CommandError(str(error)) from error
        os.set_inheritable(listener.fileno(), True)
        os.environ["ALLOWED_HOSTS"] = ",".join([*settings.ALLOWED_HOSTS, host_of(listener)])
        os.chdir(settings.BASE_DIR)
        command = web_command(listener.fileno())
        os.execv(command[0], command)
