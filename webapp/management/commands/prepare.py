from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.open_view import prepare


class Command(BaseCommand):
    help = (
        "Prepares the files that an experiment's examples are read from, as the light worker does when the experiment has ended."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("experiment", type=int)

    def handle(self, *args: Any, experiment: int, **options: Any) -> None:
        try:
            prepare(FinishedModels(Experiment.objects.get(pk=experiment)))
        except Experiment.DoesNotExist:
            raise CommandError(f"There is no experiment {experiment}.") from None
        except (Missing, OSError, ValueError) as error:
            raise CommandError(str(error)) from None
