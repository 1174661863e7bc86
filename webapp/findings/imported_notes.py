"""What pages say of runs that were trained elsewhere and came in archives."""

from collections.abc import Iterable, Sequence

from webapp.experiments import imported_runs
from webapp.experiments.models import Experiment, Part, Run
from webapp.findings.claims import Note
from webapp.findings.wording import count

TITLE = "Trained elsewhere"
CHECKED = "What they told was compared with their predictions; nobody here has seen them trained."


def notes(experiment: Experiment) -> list[Note]:
    """One for each archive that some of the experiment's runs came in."""
    imported, found = imported_runs.imported_runs(experiment), []
    if not imported:
        return []
    total = experiment.runs.distinct().count()
    for origin in imported_runs.origins(imported):
        mine = [run for run in imported if run.origin and run.origin["content"] == origin.content]
        text = f"{len(mine)} of {count(total, 'run')} came in an archive: {imported_runs.words(origin)}. {CHECKED}"
        found.append(Note(TITLE, f"{text}{_confirmed(mine)}"))
    return found


def _confirmed(runs: Sequence[Run]) -> str:
    """What training the same runs here has shown."""
    equal, other = sum(run.confirmed is True for run in runs), sum(run.confirmed is False for run in runs)
    said = f" {count(equal, 'run')} confirmed here: trained again, the same came out." if equal else ""
    return f"{said} {count(other, 'run')} differ from the runs trained here." if other else said


def of_run(run: Run) -> list[Note]:
    """Of a run that was trained elsewhere, or that learned from one; each archive once."""
    if run.imported:
        accepted = " New experiments may use it." if run.accepted_at else " New experiments train a run of their own."
        [origin] = imported_runs.origins([run])
        return [
            Note(TITLE, f"It came in an archive: {imported_runs.words(origin)}. {CHECKED} {imported_runs.verdict(run)}{accepted}")
        ]
    found = imported_runs.origins(imported_runs.needed(run))
    return [Note("Hangs on runs trained elsewhere", f"They came in an archive: {imported_runs.words(one)}.") for one in found]


def by_experiment(experiments: Iterable[Experiment]) -> list[tuple[Experiment, str]]:
    """Those with runs that were trained elsewhere, and where, in two queries however many there are."""
    known = {one.pk: one for one in experiments}
    parts = Part.objects.filter(experiment__in=known).exclude(run__claimed_key="").select_related("run").order_by("pk")
    runs: dict[int, list[Run]] = {}
    for part in parts:
        runs.setdefault(part.experiment_id, []).append(part.run)
    return [(known[pk], "; ".join(map(imported_runs.words, imported_runs.origins(runs[pk])))) for pk in known if pk in runs]
