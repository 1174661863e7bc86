import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from training.catalog.packages import NO_ENGINE, engine
from webapp.pages.accounts.one_time_links import welcome_link
from webapp.stack import Stack, StackError

MOST_WORKERS = 256


def count(value: str) -> int:
    """Return the number of workers of a laboratory. Raises ArgumentTypeError."""
    if not value.isdecimal() or int(value) > MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {MOST_WORKERS}, and it is “{value}”")
    return int(value)


def add_stack_arguments(parser: CommandParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 8000)")
    parser.add_argument("--workers", type=count, default=1, help="workers, each training one run at a time")


class Command(BaseCommand):
    help = "Starts the laboratory and serves it until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_stack_arguments(parser)

    def handle(self, *args: Any, host: str, port: int | None, workers: int, **options: Any) -> None:
        if workers and not engine():
            self.stdout.write(f"{NO_ENGINE} This laboratory starts without a worker that trains.")
            workers = 0
        try:
            with Stack(host, port, workers) as stack:
                self.stdout.write(f"Weak-to-strong Lab: {stack.url}\nLog in once with: {welcome_link(stack.site)}\nCtrl-C stops.")
                self.stdout.flush()
                stack.serve()
        except StackError as error:
            raise CommandError(str(error)) from error
