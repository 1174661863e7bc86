"""Time of the server for pages of lists, and of a pass of the recovery, in laboratories of several sizes.

python -m tests.benchmarks.lists

A database of its own (SQLite in a temporary folder, or --database URL, which must be empty), ten runs in each experiment. Times
are of the processor, medians of --times requests after two that are not counted; queries are those of one request. A large
laboratory takes minutes to make: --folder keeps it, a command that was ended goes on with it, and --make only makes it.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

SIZES = (100, 1000, 10_000, 100_000)

Address = Callable[[Any], str]
"""The address of a page, given the laboratory."""

PAGES: dict[str, Address] = {
    "list": lambda lab: "/experiments/",
    "list, filtered": lambda lab: "/experiments/?state=failed",
    "list, by method and PGR": lambda lab: "/experiments/?method=confidence&sort=-pgr",
    "search": lambda lab: "/experiments/?q=overlap",
    "queue": lambda lab: "/queue/",
    "compare": lambda lab: "/compare/?" + "&".join(f"e={pk}" for pk in lab.finished(3)),
    "home": lambda lab: "/",
    "projects": lambda lab: "/projects/",
    "project": lambda lab: f"/projects/{lab.project()}/",
    "palette": lambda lab: "/palette/?q=overlap",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--database", default="", metavar="URL")
    parser.add_argument("--folder", type=Path, help="keep the database in this folder, and go on with the one that is there")
    parser.add_argument("--write", type=Path, metavar="FILE", help="store the figures, for tests.benchmarks.list_curve")
    parser.add_argument("--make", action="store_true", help="make the laboratory of the last size, and measure nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = {"DATABASE_URL": options.database} if options.database else {}
        os.environ |= {"DATA_DIR": str(options.folder or folder), "DJANGO_SETTINGS_MODULE": "webapp.settings", **database}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        if options.make:
            from tests.factories.laboratories import Laboratory

            Laboratory().grow(options.sizes[-1])
            return
        figures = list(measured(options.sizes, options.times))
    if options.write:
        options.write.write_text(json.dumps([vars(figure) for figure in figures], indent=1) + "\n")


@dataclass(frozen=True)
class Figure:
    page: str
    experiments: int
    milliseconds: float
    queries: int


def measured(sizes: list[int], times: int) -> Any:
    from django.test import Client

    from tests.factories.laboratories import Laboratory
    from webapp.management.commands.recover import Recovery

    laboratory, recovery = Laboratory(), Recovery()
    client = Client(headers={"host": "localhost"})
    client.force_login(laboratory.people[0])
    for size in sizes:
        begun = time.perf_counter()
        laboratory.grow(size)
        print(f"{size:,} experiments after {time.perf_counter() - begun:.0f} s", flush=True)
        calls: dict[str, Callable[[], None]] = {
            name: partial(visit, client, address(laboratory)) for name, address in PAGES.items()
        }
        for name, call in (calls | {"recovery": recovery.round}).items():
            figure = Figure(name, size, *measure(call, times))
            print(f"  {name:20} {figure.milliseconds:7.1f} ms  {figure.queries:3} queries", flush=True)
            yield figure


def visit(client: Any, address: str) -> None:
    assert client.get(address).status_code == 200, address


def measure(call: Callable[[], None], times: int) -> tuple[float, int]:
    """Return the median milliseconds of the processor, and the number of queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        call()
        number = len(queries)
    call()
    taken = []
    for _ in range(times):
        begun = time.process_time()
        call()
        taken.append(1000 * (time.process_time() - begun))
    return round(statistics.median(taken), 1), number


if __name__ == "__main__":
    main()
