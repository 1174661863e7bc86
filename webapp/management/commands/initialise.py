from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from training.storage.remote import create
from webapp import static_files
from webapp.artifact_store import artifact_store


class Command(BaseCommand):
    help = "Migrates the database and collects the static files, once before the web server and the workers start."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        static_files.collect()
        if shared := artifact_store().shared:
            create(shared.remote)
        self.stdout.write("The database is migrated and the static files are collected.")
