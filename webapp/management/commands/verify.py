from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webapp.actions.artifacts import verify_all


class Command(BaseCommand):
    help = (
        "Compares every artifact of every finished run with its checksum. Damaged artifacts are moved aside, and their run is "
        "trained again. Files of events are compared too; damaged ones are moved aside. Artifacts of an older version, which "
        "wrote no checksums, are given them first."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        result = verify_all()
        for damage in result.damages:
            self.stdout.write(str(damage))
        if result.damages:
            self.stdout.write(f"{len(result.damages)} damaged.")
        if result.unread:
            raise CommandError(f"Artifacts of {result.unread} of {result.runs} runs could not be read; the log says why.")
        if not result.damages:
            self.stdout.write("Every artifact has its checksum.")
