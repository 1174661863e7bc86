"""The locked test set: held out in addition to the test set, and not read before a report opens it."""

from collections.abc import Sequence

from training.metrics.results import Result, summarize
from training.spec.methods import Submitted
from training.storage.written_answers import Outputs
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment
from webapp.findings.claims import Note
from webapp.findings.findings import Findings
from webapp.findings.wording import count
from webapp.reports.refusal import Refused
from webapp.reports.report import Locked, LockedLine, LockedPart
from webapp.reports.sections import line

TITLE = "Locked test set"
CLOSED = "The locked test set cannot be opened"


def opened(experiment: Experiment, all_findings: Sequence[Findings], table: int, before: Sequence[str]) -> Locked:
    """Return the results on the locked test set; ``before`` has the days of earlier openings. Raises Refused."""
    store, plan = artifact_store(), experiment.compared
    elsewhere = {each.student for each in plan.triplets if isinstance(plan.spec.methods[each.method], Submitted)}

    def read(key: str) -> Outputs:
        if key in elsewhere:  # the locked set is not handed out
            raise FileNotFoundError(key)
        return store.read_outputs(key)

    try:
        result = summarize(plan, read, store.read_course, on="locked")
    except FileNotFoundError as error:
        raise Refused(f"{CLOSED}: the predictions of a run are missing. The rest can be shared without it.") from error
    except ValueError as error:
        raise Refused(f"{CLOSED}: {error} The rest can be shared without it.") from None
    return Locked(
        table=table,
        rows=result.test_rows or 0,
        parts=tuple(_part(findings, result) for findings in all_findings),
        before=tuple(before),
    )


def _part(on_test: Findings, result: Result) -> LockedPart:
    on_locked = Findings(on_test.spec, result, on_test.lanes)
    test_rows = {row.lane.id: row for row in on_test.lines}
    return LockedPart(
        title=on_test.pair.title,
        lines=tuple(LockedLine(line=line(row), test=line(test_rows[row.lane.id])) for row in on_locked.lines),
        undefined=tuple(on_locked.unresolved),
    )


def locked_note(experiment: Experiment, locked: Locked | None) -> Note:
    """Return the limitation about the locked test set, opened or not."""
    if not experiment.experiment_spec.data.locked_fraction:
        return Note(TITLE, "There is none: all rows that no run learned from are in the test set.")
    if locked is None:
        return Note(TITLE, "It was not opened for this page: every number is on the test set, which was already in use before.")
    text = f"Its {count(locked.rows, 'example')} influenced no decision before this page"
    if not locked.before:
        return Note(TITLE, f"{text}, which is the first to open them.")
    times = count(len(locked.before), "time")
    return Note(TITLE, f"{text}, but reports opened them {times} before, last on {locked.before[-1]}.")
