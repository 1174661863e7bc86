"""Labels from outside: their files are checked and stored by a child process, and an experiment's rows are looked for in them."""

import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from training import ExperimentSpec, RunSpec, make_plan
from training.catalog.outside import About, OutsideCard, Role
from training.command_output import Covered, LabelsChecked, Notice, Refused
from training.spec.given_supervisors import supervisors_of
from training.spec.methods import Submitted
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import results, run_launch, submissions
from webapp.experiments.models import Experiment
from webapp.imports import child
from webapp.imports.models import ENDING
from webapp.notifications import notify

CHECK_SECONDS = 120.0
NOT_CHECKED = "The files could not be checked in time."


def add_supervisor(owner: User, files: Sequence[tuple[Path, str]], dataset: str, about: About) -> OutsideCard:
    """Return the card of labels that can supervise. Raises ValueError with a sentence for each problem of the files."""
    card = add(files, dataset, about, "supervisor")
    tell(owner, Verb.UPLOADED, "labels", card.model, card.name, dataset=card.dataset, digest=card.digest)
    return card


def submit(
    by: User, experiment: Experiment, files: Sequence[tuple[Path, str]], about: About, weak: str
) -> tuple[OutsideCard, bool]:
    """Score predictions that were made elsewhere from the labels of the supervisor ``weak``, as a student of the experiment.

    Return their card, and whether the broker was reached. Files with a problem cost no look at the test set. Raises ValueError
    with a sentence, such as where no look is left.
    """
    submissions.check(experiment)
    spec = experiment.experiment_spec
    plan = make_plan(spec)
    ceilings = {triplet.seed: plan.runs[triplet.ceiling] for triplet in plan.triplets}
    card = add(files, spec.data.name, about, "student", list(ceilings.values()))
    with transaction.atomic():
        look = submissions.submit(experiment, Submitted(model=card.model, weak=weak))
        details = {"look": look, "predictions": card.model, "digest": card.digest}
        tell(by, Verb.SUBMITTED, "experiment", experiment.pk, experiment.name, **details)
    experiment.refresh_from_db()
    return card, _start(experiment, by)


def _start(experiment: Experiment, by: User) -> bool:
    """Start the run that reads submitted predictions. False when the broker is away: it starts when that is back."""
    run_launch.begin(experiment, by.get_username())
    changed = run_launch.go_on(experiment.pk)
    experiment.refresh_from_db()
    if not experiment.transition:
        changed |= results.refresh_result(experiment)
        experiment.refresh_from_db()
    return notify(changed)


def set_look_budget(experiment: Experiment, number: int, by: User) -> None:
    """Set how many submissions the experiment takes. Raises ValueError for a number that cannot be one."""
    with transaction.atomic():
        submissions.set_look_budget(experiment, number)
        tell(by, Verb.LIMITED, "experiment", experiment.pk, experiment.name, looks=number)


def add(files: Sequence[tuple[Path, str]], dataset: str, about: About, role: Role, runs: Sequence[RunSpec] = ()) -> OutsideCard:
    """Check and store the files, each a path and the name that it was sent with. ``runs`` are runs that would read them."""
    with tempfile.TemporaryDirectory(dir=settings.UPLOADS_DIR) as place:
        folder, paths = Path(place), []
        for seed, (path, name) in enumerate(files):
            ending = Path(name).suffix.lower()
            paths.append(folder / f"seed-{seed}{ending if ENDING.fullmatch(ending) else ''}")
            shutil.copyfile(path, paths[-1])
        arguments = [f"--{name}={value}" for name, value in about.model_dump().items() if value]
        if runs:
            arguments.append(f"--runs={_write(runs, folder)}")
        last = _answer("add", f"--dataset={dataset}", f"--role={role}", *arguments, "--", *map(str, paths))
    if not isinstance(last, LabelsChecked):
        raise ValueError(last.error if isinstance(last, Refused) else NOT_CHECKED)
    return last.card


def check_coverage(spec: ExperimentSpec) -> None:
    """Raise ValueError, which names ids, where a supervisor from outside lacks labels of half B or the test set of ``spec``.

    Only labels of a part of their data set are looked at: others lack nothing.
    """
    partial = {card.model: card for card in supervisors_of(spec) if card.missing}
    if not partial:
        return
    runs = [run for run in make_plan(spec).runs.values() if run.given and run.model in partial]
    with tempfile.TemporaryDirectory(dir=settings.UPLOADS_DIR) as place:
        last = _answer("coverage", _write(runs, Path(place)))
    if not isinstance(last, Covered):
        names = " and ".join(f"“{card.name}”" for card in partial.values())
        raise ValueError(f"Of the labels {names}: {last.error if isinstance(last, Refused) else NOT_CHECKED}")


def _answer(*arguments: str) -> Notice | None:
    try:
        messages = child.start(*arguments, command="outside").all_messages(CHECK_SECONDS)
    except TimeoutError:
        return None
    return next(reversed(messages), None)


def _write(runs: Iterable[RunSpec], folder: Path) -> str:
    path = folder / "runs.json"
    path.write_text(json.dumps([run.model_dump(mode="json") for run in runs]), encoding="utf-8")
    return str(path)
