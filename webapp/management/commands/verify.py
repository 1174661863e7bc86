from typing import Any

from django.core.management.base import BaseCommand

from webapp.actions.artifacts import verify_all


class Command(BaseCommand):
    help = (
        "Compares every artifact of every finished run with its checksum. Damaged artifacts are moved aside, and their run is "
        "trained again. Files of events are compared too; damaged ones are moved aside. Artifacts of an older version, which "
        "wrote no checksums, are given them first."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        damages = verify_all()
        for damage in damages:
            self.stdout.write(str(damage))
        self.stdout.write(f"{len(damages)} damaged." if damages else "Every artifact has its checksum.")
