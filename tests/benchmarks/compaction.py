"""Room and time of the events of runs in the table and in files: python -m tests.benchmarks.compaction DATA_DIR.

DATA_DIR is that of a laboratory on SQLite that does not run, such as one that has done the demo; a copy of it is measured. Times
are of the processor, medians over the runs; a page of 50 runs reads the runs again and again where there are fewer.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webapp.experiments.models import Run

PAGE_RUNS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(options.data_dir, Path(folder) / "data", ignore=shutil.ignore_patterns("*.sock", "logs", "static"))
        os.environ |= {"DATA_DIR": f"{folder}/data", "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        measure()


def measure() -> None:
    """Print room and times before and after all events of all runs were moved."""
    from webapp.artifact_store import artifact_store
    from webapp.experiments import compaction
    from webapp.experiments.models import Event, Run

    runs = list(compaction.due(0))
    print(f"{len(runs)} runs with {Event.objects.count() / len(runs):.0f} events each")
    before = room()
    print("in the table: ", *times(runs), sep="\n  ")
    taken = [spent(lambda run=run: compaction.compact(run.pk)) for run in runs]  # type: ignore[misc]
    print(f"to move the events of a run: {statistics.median(taken):.1f} ms")
    store = artifact_store()
    files = [path.stat().st_size for run in Run.objects.all() for path in store.run(run.key).glob("events-*.parquet")]
    print(f"database: {before / len(runs):,.0f} bytes a run before, {room() / len(runs):,.0f} after, of all its tables")
    print(f"file: {sum(files) / len(files):,.0f} bytes a run; {Event.objects.count() / len(runs):.0f} events of a run stay")
    print("in files: ", *times(runs), sep="\n  ")


def times(runs: "list[Run]") -> list[str]:
    """Return lines on the reading of one run's curve, and of what a page of many runs reads."""
    from webapp.experiments import queries, system_samples
    from webapp.findings import run_curves

    many = list(islice(cycle(runs), PAGE_RUNS))

    def curve(run: "Run") -> object:
        curves = run_curves.RunCurves()
        curves.update(run, run.last_seq)
        return curves

    own = statistics.median(milliseconds(lambda run=run: curve(run)) for run in runs)  # type: ignore[misc]
    points = statistics.median(
        milliseconds(lambda run=run: list(queries.measurements(run.pk, 0, run.last_seq)))  # type: ignore[misc]
        for run in runs
    )
    first = milliseconds(lambda: [curve(run) for run in many])
    samples = milliseconds(lambda: [system_samples.samples_for_page({run.pk: run.last_seq}) for run in many])
    newest = milliseconds(lambda: queries.newest([run.pk for run in many]))
    return [
        f"the measurements of a run {points:.1f} ms, its curve {own:.1f} ms",
        f"{PAGE_RUNS} runs: curves that are not cached {first:.0f} ms, samples {samples:.0f} ms, newest numbers {newest:.0f} ms",
    ]


def milliseconds(call: Callable[[], object]) -> float:
    call()
    return spent(call)


def spent(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return 1000 * (time.process_time() - begun)


def room() -> int:
    """Return the bytes of the database without free pages."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
