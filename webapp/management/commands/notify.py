from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.webhooks import services


class Command(BaseCommand):
    help = "Calls the webhook (WEBHOOK_URL) for experiments that ended, as the recovery does; --test sends a test message."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--test", action="store_true", help="send a test message and report the result")

    def handle(self, *args: Any, test: bool, **options: Any) -> None:
        if not settings.WEBHOOK_URL:
            raise CommandError("There is no webhook: set WEBHOOK_URL.")
        if not test:
            services.deliver()
        elif problem := services.send(b'{"text": "A trial from the Weak-to-strong Lab.", "event": "trial"}'):
            raise CommandError(problem)
        else:
            self.stdout.write("The message was received.")
