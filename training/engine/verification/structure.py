"""Verification of an archive's plan: each run has its key, and each triplet is what the experiment asked for."""

from pathlib import Path

from training import Plan, RunSpec, Triplet
from training.planning.extra_runs import learns_from_supervisor, origins, trained_as
from training.spec import GROUND_TRUTH, Method, upgrade
from training.spec.methods import Submitted
from training.storage.archive import RUN, Archive, Broken, brief


def plan_of(about: Archive) -> Plan:
    """Return the plan, without the specifications of its runs. Raises Broken."""
    try:
        return Plan(upgrade(about.spec), {}, tuple(about.triplets))
    except ValueError as error:
        raise Broken(f"The experiment of the archive cannot be read by this version: {brief(error)}") from None


def runs_of(folder: Path) -> dict[str, RunSpec]:
    """Return the runs by key, which is that of each run's specification. Raises Broken."""
    runs = {}
    for path in sorted(folder.glob(f"runs/*/{RUN}")):
        key = path.parent.name
        try:
            run = RunSpec.model_validate_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise Broken(f"Run {key[:12]} cannot be read by this version: {brief(error)}") from None
        if run.key() != key:
            raise Broken(f"Run {key[:12]} is another one than its {RUN} says.")
        runs[key] = run
    return runs


def missing_runs(folder: Path, plan: Plan, runs: dict[str, RunSpec]) -> list[str]:
    """Return a sentence for each run that is named but missing, and for each that has files but no specification."""
    named = {key for triplet in plan.triplets for key in (triplet.weak, triplet.student, triplet.ceiling)}
    named |= {need for run in runs.values() for need in run.needs}
    named |= {path.name for path in folder.glob("runs/*")}
    return [f"Run {key[:12]} is missing." for key in sorted(named - runs.keys())]


def inconsistent_triplets(plan: Plan, runs: dict[str, RunSpec]) -> list[str]:
    """Return a sentence for each triplet whose runs do not fit the experiment: models, method, seed, and labels."""
    problems = []
    for number, triplet in enumerate(plan.triplets, 1):
        weak, student, ceiling = (runs[key] for key in (triplet.weak, triplet.student, triplet.ceiling))
        fits = (
            0 <= triplet.method < len(plan.spec.methods)
            and student.method == trained_as(plan.spec.methods[triplet.method])
            and (weak.model, ceiling.model) == (triplet.weak_model, triplet.strong_model)
            and student.model == _student_model(plan.spec.methods[triplet.method], triplet)
            and (weak.errors, ceiling.labels) == (plan.spec.weak.errors, GROUND_TRUTH)
            and (weak.derives or weak.labels == GROUND_TRUTH)
            and _learns_from_weak(plan.spec.methods[triplet.method], student, triplet, runs)
            and {weak.seed, student.seed, ceiling.seed} == {triplet.seed}
        )
        if not fits:
            problems.append(f"The runs of triplet {number} are not those that the experiment asks for.")
    return problems


def _student_model(method: Method, triplet: Triplet) -> str:
    return method.model if isinstance(method, Submitted) else triplet.strong_model


def _learns_from_weak(method: Method, student: RunSpec, triplet: Triplet, runs: dict[str, RunSpec]) -> bool:
    """Return whether the student learned from its supervisor, or through other runs from models like it."""
    if learns_from_supervisor(method):
        return student.labels == triplet.weak
    return triplet.weak_model in {runs[key].model for key in origins(student, runs) if runs[key].half == "A"}
