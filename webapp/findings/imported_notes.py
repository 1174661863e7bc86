"""Notes about runs that were trained elsewhere and imported from archives."""

from collections.abc import Iterable, Sequence

from webapp.experiments import imported_runs
from webapp.experiments.models import Experiment, Part, Run
from webapp.findings.claims import Note
from webapp.findings.wording import count

TITLE = "Trained elsewhere"
CHECKED = "Their reported numbers agree with their predictions; their training was not observed here."


def notes(experiment: Experiment) -> list[Note]:
    """Return one note for each archive that runs of the experiment came from."""
    imported, notes = imported_runs.imported_runs(experiment), []
    if not imported:
        return []
    total = experiment.runs.distinct().count()
    for origin in imported_runs.origins(imported):
        runs = [run for run in imported if run.origin and run.origin["content"] == origin.content]
        text = f"{len(runs)} of {count(total, 'run')} came in an archive: {imported_runs.words(origin)}. {CHECKED}"
        notes.append(Note(TITLE, f"{text}{_confirmed(runs)}"))
    return notes


def _confirmed(runs: Sequence[Run]) -> str:
    """Return the outcome of training the same runs here."""
    equal, other = sum(run.confirmed is True for run in runs), sum(run.confirmed is False for run in runs)
    said = f" {count(equal, 'run')} confirmed here: training again gave the same result." if equal else ""
    return f"{said} {count(other, 'run')} differ from the runs trained here." if other else said


def of_run(run: Run) -> list[Note]:
    """Return notes about a run that was trained elsewhere or depends on such a run, one for each archive."""
    if run.imported:
        accepted = " New experiments may use it." if run.accepted_at else " New experiments train a run of their own."
        [origin] = imported_runs.origins([run])
        return [
            Note(TITLE, f"It came in an archive: {imported_runs.words(origin)}. {CHECKED} {imported_runs.verdict(run)}{accepted}")
        ]
    origins = imported_runs.origins(imported_runs.needed(run))
    return [
        Note("Depends on runs trained elsewhere", f"They came in an archive: {imported_runs.words(origin)}.")
        for origin in origins
    ]


def by_experiment(experiments: Iterable[Experiment]) -> list[tuple[Experiment, str]]:
    """Return the experiments with runs that were trained elsewhere, and where, in two queries."""
    known = {experiment.pk: experiment for experiment in experiments}
    parts = Part.objects.filter(experiment__in=known).exclude(run__claimed_key="").select_related("run").order_by("pk")
    runs: dict[int, list[Run]] = {}
    for part in parts:
        runs.setdefault(part.experiment_id, []).append(part.run)
    return [(known[pk], "; ".join(map(imported_runs.words, imported_runs.origins(runs[pk])))) for pk in known if pk in runs]
