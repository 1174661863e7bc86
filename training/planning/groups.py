"""Groups of runs that one process trains side by side, and their order."""

from collections.abc import Collection, Iterable

from training.planning.estimates import head_bytes
from training.planning.plan import Plan, features_key
from training.spec import RunSpec

Key = tuple[object, ...]

MOST_TOGETHER, MOST_SECONDS, MOST_BYTES = 64, 120.0, 2**30
"""Largest number of runs that a worker takes at once, of the seconds that they would take one after the other, and of the bytes
that their heads need in memory.

Other workers might train some of them, so all are done within seconds: together they take a small part of that time.
"""


def group_of(run: RunSpec) -> Key | None:
    """Return what the runs of a group have in common, None for a run that is trained alone.

    Heads on the same features, and bags of words of the same texts, take milliseconds each when they are trained together.
    """
    return None if run.tunes_backbone or run.derives else features_key(run)


def next_group(plan: Plan, waiting: Collection[str], running: Collection[str] = ()) -> list[str]:
    """Return the keys of the runs among ``waiting`` to train next, together: those of the first group that others wait for.

    None where each needs a run that is waiting or ``running``. A run of a plan stands after the runs that it needs, so one can
    start where none runs.
    """
    runs = {key: plan.runs[key] for key in plan.runs if key in waiting}
    needed = _needed(runs.values())
    ready = {key: run for key, run in runs.items() if {*runs, *running}.isdisjoint(run.needs)}
    if not ready:
        return []
    first = next((key for key in ready if key in needed), next(iter(ready)))
    group = group_of(ready[first])
    alike = [key for key, run in ready.items() if key != first and group is not None and group_of(run) == group]
    room = (MOST_BYTES - head_bytes(ready[first])) // max(1, head_bytes(ready[first])) if alike else 0
    return sorted([first, *alike[: max(0, room)]], key=list(ready).index)


def _needed(runs: Iterable[RunSpec]) -> set[str]:
    return {need for run in runs for need in run.needs}
