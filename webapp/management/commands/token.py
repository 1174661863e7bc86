from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.accounts.models import Scope
from webapp.accounts.tokens import DAYS, make


class Command(BaseCommand):
    help = "Makes an API token for an account and prints it; it is not shown again."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="made in a terminal", help="its purpose")
        scopes = "a token with scope read may only use GET, one with scope worker only train runs"
        parser.add_argument("--scope", choices=Scope.values, default=Scope.WRITE, help=scopes)
        parser.add_argument("--days", type=int, default=DAYS, help=f"until it expires, 0 for never (default: {DAYS})")

    def handle(self, *args: Any, username: str, name: str, scope: str, days: int, **options: Any) -> None:
        try:
            user = User.objects.get(username=username, is_active=True)
        except User.DoesNotExist as error:
            raise CommandError(f"There is no active account called {username}.") from error
        try:
            self.stdout.write(make(user, name, Scope(scope), days or None)[1])
        except PermissionDenied as error:
            raise CommandError(str(error)) from None
