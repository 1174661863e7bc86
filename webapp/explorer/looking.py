"""A view of an experiment opened: its three models, and the slice of examples that it shows."""

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb
from django.conf import settings

from training import catalog
from training.spec import Problem
from webapp.examples.base import Base, Source, base
from webapp.examples.export import SUFFIXES, Format, write
from webapp.examples.projection import projected_of
from webapp.examples.slices import Refused, Slice
from webapp.examples.view import SEATS, View
from webapp.explorer.cast import Cast, Missing, Trio
from webapp.notes import queries as notes

UNMAPPED = "There is no map: only probes have frozen features that are kept, and none are kept of this student."


@dataclass(frozen=True)
class Look:
    cast: Cast
    trio: Trio
    view: View
    slice: Slice
    source: Source

    @property
    def fingerprint(self) -> str:
        return self.source.fingerprint

    @property
    def about(self) -> dict[str, str]:
        """Which models and which view an export is of."""
        runs = {seat: f"run {one.run.pk}, key {one.key}" for seat, one in zip(SEATS, self.trio.all, strict=True)}
        spec = self.trio.student.spec
        named = {"experiment": f"#{self.cast.experiment.pk} {self.cast.experiment.name}", "data set": spec.dataset}
        return {**named, "fingerprint": self.fingerprint, **runs, "view": self.view.query() or "everything"}

    def export(self, how: Format, target: Path) -> None:
        """Writes all rows of the view to ``target``, with their tags."""
        write(self.slice, notes.all_tags(self.fingerprint), how, target, self.about)


def examples() -> Base:
    return base(settings.ARTIFACTS_DIR, settings.EXAMPLES_DIR, settings.EXPLORER_MEMORY, settings.EXPLORER_THREADS)


@contextmanager
def look(cast: Cast, view: View) -> Iterator[Look]:
    """Raises Missing where there is nothing to look at, Refused for a search or a rectangle that cannot be made."""
    trio = cast.chosen(view)
    run = trio.student.spec
    path = catalog.examples_of(run.dataset, run.fingerprint)
    with contextlib.ExitStack() as stack:
        try:
            projected = projected_of(run, examples().store, path) if view.mapped else ()
            if view.framed and not projected:
                raise Refused(Problem("map", f"Nothing can be selected on it. {UNMAPPED}"))
            source = Source(path, run.fingerprint, trio.keys, view.split, projected)
            cursor, about = stack.enter_context(examples().open(source))
        except FileNotFoundError as error:
            raise Missing(f"A file is gone that the examples are read from: {error.filename or path.name}.") from None
        except (ValueError, duckdb.IOException) as error:
            raise Missing(str(error)) from None
        tagged = notes.ids_with(run.fingerprint, view.tag)
        yield Look(cast, trio, view, Slice(cursor, about, view, tagged), source)


def exported(cast: Cast, view: View, how: Format) -> IO[bytes]:
    """The view as an open file that is on the disk as long as it is open. Raises Missing, Refused."""
    with tempfile.TemporaryDirectory(dir=settings.UPLOADS_DIR) as folder:
        target = Path(folder) / f"examples.{SUFFIXES[how]}"
        with look(cast, view) as found:
            found.export(how, target)
        return target.open("rb")
