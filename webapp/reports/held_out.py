"""The locked test set: held out beside the test set, read by nothing before a result page opens it."""

from collections.abc import Sequence

from django.conf import settings

from training import Store
from training.metrics.results import Result, summarize
from webapp.experiments.models import Experiment
from webapp.findings.claims import Note
from webapp.findings.findings import Findings
from webapp.findings.wording import count
from webapp.reports.refusal import Refused
from webapp.reports.report import Locked, LockedLine, LockedPart
from webapp.reports.sections import line

TITLE = "Locked test set"


def opened(experiment: Experiment, found: Sequence[Findings], table: int, before: Sequence[str]) -> Locked:
    """What the runs of the page say there; ``before`` are the days on which the same rows were opened. Raises Refused."""
    store = Store(settings.ARTIFACTS_DIR)
    try:
        result = summarize(experiment.compared, store.read_predictions, store.read_trajectory, on="locked")
    except FileNotFoundError as error:
        gone = "the predictions of a run are gone."
        raise Refused(f"The locked test set cannot be opened: {gone} Without it the rest can be shared.") from error
    except ValueError as error:
        raise Refused(f"The locked test set cannot be opened: {error} Without it the rest can be shared.") from None
    return Locked(table=table, rows=result.test_rows or 0, parts=tuple(_part(one, result) for one in found), before=tuple(before))


def _part(on_test: Findings, result: Result) -> LockedPart:
    on_locked = Findings(on_test.spec, result, on_test.lanes)
    tests = {one.lane.id: one for one in on_test.lines}
    return LockedPart(
        title=on_test.pair.title,
        lines=tuple(LockedLine(line=line(one), test=line(tests[one.lane.id])) for one in on_locked.lines),
        undefined=tuple(on_locked.unresolved),
    )


def note(experiment: Experiment, locked: Locked | None) -> Note:
    """What a reader has to know of it, opened or not."""
    if not experiment.experiment_spec.data.locked_fraction:
        return Note(TITLE, "There is none: all rows that nobody learned from are the test set.")
    if locked is None:
        return Note(TITLE, "It was not opened for this page: every number is of the test set, which was looked at before.")
    text = f"Its {count(locked.rows, 'example')} decided nothing before this page"
    if not locked.before:
        return Note(TITLE, f"{text}, which is the first to open them.")
    times = count(len(locked.before), "time")
    return Note(TITLE, f"{text}, but result pages opened them {times} before, last on {locked.before[-1]}.")
