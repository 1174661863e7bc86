"""A view of an experiment opened: its three models, and the slice of examples that it shows."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
from django.conf import settings

from training import catalog
from webapp.examples.base import Base, Source, base
from webapp.examples.slices import Slice
from webapp.examples.view import View
from webapp.explorer.cast import Cast, Missing, Trio
from webapp.notes import queries as notes


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


def examples() -> Base:
    return base(settings.ARTIFACTS_DIR, settings.EXAMPLES_DIR, settings.EXPLORER_MEMORY, settings.EXPLORER_THREADS)


@contextmanager
def look(cast: Cast, view: View) -> Iterator[Look]:
    """Raises Missing where there is nothing to look at, Refused for a search that cannot be made."""
    trio = cast.chosen(view)
    run = trio.student.spec
    path = catalog.examples_of(run.dataset, run.fingerprint)
    source = Source(path, run.fingerprint, trio.keys, view.split)
    with contextlib.ExitStack() as stack:
        try:
            cursor, about = stack.enter_context(examples().open(source))
        except FileNotFoundError as error:
            raise Missing(f"A file is gone that the examples are read from: {error.filename or path.name}.") from None
        except (ValueError, duckdb.IOException) as error:
            raise Missing(str(error)) from None
        tagged = notes.ids_with(run.fingerprint, view.tag)
        yield Look(cast, trio, view, Slice(cursor, about, view, tagged), source)
