"""An archive from another installation becomes an experiment here, once its files and its numbers have been verified."""

import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from pydantic import ValidationError

from training import Plan, RunSpec, Store, Triplet
from training.archive import MADE, RUN, Archive, Broken, differences, digest, read, read_events, unpack, verify
from training.chains import origins, taught_by_supervisor, trained_as
from training.checksums import DamagedArtifact
from training.results import summarize
from training.spec import GROUND_TRUTH, Method, upgrade
from webapp import scratch
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import adopting
from webapp.experiments.models import Experiment, Run, Status

MOST = 20
"""Sentences about what is wrong with one archive."""


def bring(owner: User, source: Path) -> Experiment:
    """The experiment of the zip file ``source``, for ``owner``. Raises Broken, and then nothing has changed.

    Files are verified by their checksums, the result by computing it again from the predictions. A run that exists here is
    compared and never overwritten; an archive that was brought before is the experiment that it became.
    """
    with tempfile.TemporaryDirectory(dir=scratch.folder()) as place:
        folder = Path(place)
        unpack(source, folder)
        content = verify(folder)
        if known := Experiment.objects.filter(origin__content=content).first():
            return known
        about = read(folder)
        plan, runs = _plan(about), _runs(folder)
        _refuse(
            _missing(plan, runs) or _unlike(plan, runs) or _disagreeing(about, plan, Store(folder)) or _clashing(folder, runs)
        )
        with transaction.atomic():
            found = adopting.adopt(owner, about, content, plan.triplets, runs, lambda key: read_events(folder, key))
            for key in runs:
                _place(folder / "runs" / key, Store(settings.ARTIFACTS_DIR).run(key))
            tell(owner, Verb.IMPORTED, "experiment", found.pk, found.name, content=content)
        return found


def _refuse(problems: list[str]) -> None:
    if problems:
        more = [f"And {len(problems) - MOST} more."] if len(problems) > MOST else []
        raise Broken(*problems[:MOST], *more)


def _plan(about: Archive) -> Plan:
    try:
        return Plan(upgrade(about.spec), {}, tuple(Triplet(**triplet) for triplet in about.triplets))
    except (ValidationError, TypeError, ValueError) as error:
        raise Broken(f"The experiment of the archive cannot be read by this version: {error}") from None


def _runs(folder: Path) -> dict[str, RunSpec]:
    """By key, which each run's own specification has to have."""
    found = {}
    for path in sorted(folder.glob(f"runs/*/{RUN}")):
        try:
            run = RunSpec.model_validate_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise Broken(f"Run {path.parent.name[:12]} cannot be read by this version: {error}") from None
        if run.key() != path.parent.name:
            raise Broken(f"Run {path.parent.name[:12]} is another one than its {RUN} says.")
        found[run.key()] = run
    return found


def _missing(plan: Plan, runs: dict[str, RunSpec]) -> list[str]:
    wanted = {key for triplet in plan.triplets for key in (triplet.weak, triplet.student, triplet.ceiling)}
    wanted |= {need for run in runs.values() for need in run.needs}
    return [f"Run {key[:12]} is missing." for key in sorted(wanted - runs.keys())]


def _unlike(plan: Plan, runs: dict[str, RunSpec]) -> list[str]:
    """Triplets whose runs are not what the experiment says of them: models, method, seed, and who labelled for whom."""
    problems = []
    for number, triplet in enumerate(plan.triplets, 1):
        weak, student, ceiling = (runs[key] for key in (triplet.weak, triplet.student, triplet.ceiling))
        fits = (
            0 <= triplet.method < len(plan.spec.methods)
            and student.method == trained_as(plan.spec.methods[triplet.method])
            and (weak.model, student.model, ceiling.model) == (triplet.weak_model, triplet.strong_model, triplet.strong_model)
            and (weak.errors, ceiling.labels) == (plan.spec.weak.errors, GROUND_TRUTH)
            and (weak.derives or weak.labels == GROUND_TRUTH)
            and _taught(plan.spec.methods[triplet.method], student, triplet, runs)
            and {weak.seed, student.seed, ceiling.seed} == {triplet.seed}
        )
        if not fits:
            problems.append(f"The runs of triplet {number} are not those that the experiment asks for.")
    return problems


def _taught(method: Method, student: RunSpec, triplet: Triplet, runs: dict[str, RunSpec]) -> bool:
    """Whether the student learned from its supervisor, or by way of other runs from models like it."""
    if taught_by_supervisor(method):
        return student.labels == triplet.weak
    return triplet.weak_model in {runs[key].model for key in origins(student, runs) if runs[key].half == "A"}


def _disagreeing(about: Archive, plan: Plan, store: Store) -> list[str]:
    """Where the archive's result is not what its predictions give."""
    if about.result is None:
        return []
    try:
        again = summarize(plan, store.read_predictions, store.read_trajectory)
    except (DamagedArtifact, OSError, ValueError, LookupError, TypeError) as error:  # a file with other columns, or none at all
        return [f"The result cannot be computed from the predictions: {error}"]
    # What checks found in the data set is known where the data set is.
    again = again.model_copy(update={"data_warnings": about.result.data_warnings})
    return differences(about.result.model_dump(mode="json"), again.model_dump(mode="json"))


def _clashing(folder: Path, runs: dict[str, RunSpec]) -> list[str]:
    store, here = Store(settings.ARTIFACTS_DIR), dict(Run.objects.filter(key__in=runs).values_list("key", "status"))
    problems = []
    for key in runs:
        brought = folder / "runs" / key / MADE[-1]
        if brought.exists() and here.get(key, Status.FINISHED) != Status.FINISHED:
            problems.append(f"Run {key[:12]} exists here and has not finished: wait for it, or launch it again first.")
        elif brought.exists() and store.finished(key) and digest(brought) != digest(store.run(key) / MADE[-1]):
            problems.append(f"Run {key[:12]} has been trained here too, with other predictions.")
    return problems


def _place(brought: Path, target: Path) -> None:
    """The run's files where its own would be, the predictions last; nothing where it has finished here."""
    if not (brought / MADE[-1]).exists() or (target / MADE[-1]).exists():
        return
    store = Store(settings.ARTIFACTS_DIR)
    for name in (RUN, *MADE):
        with store.writing(target / name) as path:
            shutil.copyfile(brought / name, path)
