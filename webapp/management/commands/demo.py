import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from pydantic import ValidationError

from training.catalog.packages import NO_ENGINE, engine
from training.metrics.results import Result
from training.recipes import FIRST, names, shipped
from training.spec import describe
from webapp.actions.experiments import create, launch
from webapp.experiments import queries
from webapp.experiments.models import Experiment, Status
from webapp.experiments.progress import progress
from webapp.findings.wording import time_left
from webapp.management.commands.up import add_stack_arguments
from webapp.pages.accounts.one_time_links import first_account, welcome_link
from webapp.stack import Stack, StackError


class Command(BaseCommand):
    help = "Starts the laboratory with a shipped experiment and serves it until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_stack_arguments(parser)
        parser.add_argument("--recipe", choices=names(), default=FIRST, help="the shipped experiment (default: %(default)s)")
        parser.add_argument("--exit-when-done", action="store_true", help="end when the experiment has ended")
        parser.add_argument("--json", action="store_true", help="print the result as JSON in the last line")

    def handle(self, *args: Any, host: str, port: int | None, workers: int, recipe: str, **options: Any) -> None:
        if not engine():
            raise CommandError(NO_ENGINE)
        try:
            with Stack(host, port, workers) as stack:
                experiment = self._launch(recipe)
                self.stdout.write(f"Weak-to-strong Lab: {stack.url}/experiments/{experiment.pk}/")
                self.stdout.write(f"Log in once with: {welcome_link(stack.site, f'/experiments/{experiment.pk}/')}")
                self._follow(stack, experiment)
                if stack.stopping:
                    return
                self._report(experiment, options["json"])
                if not options["exit_when_done"]:
                    self.stdout.write("Ctrl-C stops.")
                    self.stdout.flush()
                    stack.serve()
        except StackError as error:
            raise CommandError(str(error)) from error

    def _launch(self, name: str) -> Experiment:
        try:
            spec = shipped(name)
        except ValidationError as error:
            raise CommandError("\n".join(problem.message for problem in describe(error.errors()))) from None
        owner = first_account()
        experiment = queries.twin(owner, spec) or create(owner, spec)
        launch(experiment, owner)
        return experiment

    def _follow(self, stack: Stack, experiment: Experiment) -> None:
        """Print the progress of the experiment until it has ended with a stored result, or the stack is asked to stop."""
        printed = ""
        while not stack.stopping:
            stack.mend()
            experiment.refresh_from_db()
            counts, state = experiment.run_counts, progress(experiment)
            left = time_left(state.seconds_left, estimating=state.estimating)
            line = ", ".join(filter(None, [f"{counts[Status.FINISHED]} of {sum(counts.values())} runs done", left]))
            if line != printed:
                end = "\r" if sys.stdout.isatty() else "\n"
                self.stdout.write(line.ljust(60), ending=end)
                self.stdout.flush()
                printed = line
            if experiment.ended_at and not experiment.result_due:
                return
            time.sleep(0.5)

    def _report(self, experiment: Experiment, as_json: bool) -> None:
        state = experiment.state
        if state != "finished" or experiment.result is None:
            failed = experiment.runs.filter(status=Status.FAILED).first()
            raise CommandError(f"The experiment ended as {state}. {failed.error if failed else experiment.result_error}")
        result = Result.model_validate(experiment.result)
        several = len({(group.weak_model, group.strong_model) for group in result.groups}) > 1
        for group in result.groups:
            value = f"{group.pgr.value:.2f} [{group.pgr.low:.2f}, {group.pgr.high:.2f}]" if group.pgr else "undefined"
            pair = f"{group.weak_model} to {group.strong_model}, " if several else ""
            self.stdout.write(f"{pair}{group.method}: PGR {value} ({group.state}). {group.reason}")
        if as_json:
            self.stdout.write(json.dumps(summary(result)))
        self.stdout.flush()


def summary(result: Result) -> dict[str, Any]:
    """Return the numbers of the result, accuracies as fractions."""
    fields = ("method", "seed", "weak", "student", "ceiling")
    return {
        "triplets": [{name: getattr(triplet, name) for name in fields} for triplet in result.triplets],
        "pgr": [
            {
                "method": group.method,
                "value": group.pgr and group.pgr.value,
                "state": group.state,
                "interval": group.pgr and [group.pgr.low, group.pgr.high],
            }
            for group in result.groups
        ],
    }
