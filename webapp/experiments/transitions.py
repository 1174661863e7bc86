"""Changes of an experiment in several short transactions, so that other processes can write in between.

Each step is complete in itself and stores its progress in the experiment's row. The next process continues there, and two
processes at once do no harm. The recovery completes the work of a process that died.
"""

import time
from collections.abc import Callable

from django.db import transaction

from webapp.experiments.changes import changing, lock_holders
from webapp.experiments.models import Experiment, Run

CHUNK = 100
"""Runs in one transaction, which takes well below a second."""

PAUSE_SECONDS = 0.04
"""Between two transactions. A writer that waits for SQLite's lock tries again every 50 to 100 ms."""

LARGE = ("spec", "triplets", "result", "result_runs")
"""Columns of an experiment that no step reads."""

FIELDS = ("transition", "transition_by", "transition_done", "transition_total")
"""Columns of an experiment's row about its transition."""

Choose = Callable[[Experiment], list[Run]]
"""The runs of the next transaction, locked."""

Step = Callable[[Experiment, list[Run]], set[int]]
"""The rest of the transaction: changes these runs and the locked row, and returns the ids of the runs that changed."""


def advance(experiment_id: int, kind: str, choose: Choose, step: Step, seconds: float | None = None) -> set[int]:
    """Take steps until all is done, or for ``seconds``, at least one; return the ids of the runs that changed.

    It ends as well where the experiment was deleted, or is in another transition than ``kind`` by now.
    """
    begun, changed = time.monotonic(), set[int]()
    while True:
        with changing():
            known = Experiment.objects.filter(pk=experiment_id, transition=kind).defer(*LARGE).first()
            if known is None:
                return changed
            runs = choose(known)
            lock_holders(runs, experiment_id)
            same = {"pk": experiment_id, "transition": kind, "transition_done": known.transition_done}
            row = Experiment.objects.select_for_update().filter(**same).defer(*LARGE).first()
            if row is None:
                transaction.set_rollback(True)  # another process took this step, or began something else
                continue
            changed |= step(row, runs)
            if not row.transition:
                return changed
        if seconds is not None and time.monotonic() - begun > seconds:
            return changed
        time.sleep(PAUSE_SECONDS)


def end(row: Experiment) -> None:
    row.transition, row.transition_by, row.transition_done, row.transition_total = "", "", 0, 0
