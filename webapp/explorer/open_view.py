"""An open view of an experiment: its three models, and the slice of examples that it selects."""

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO

import duckdb
from django.conf import settings

from training.spec import Problem
from training.storage.atomic import out_of_room
from training.storage.checksums import MISSING, DamagedArtifact
from webapp import temporary_files
from webapp.example_queries.cache import Page, Summary, page_of, summary_of
from webapp.example_queries.database import Base, Source, base
from webapp.example_queries.export import SUFFIXES, Format, write
from webapp.example_queries.projection import projected_of
from webapp.example_queries.refusal import Refused
from webapp.example_queries.slices import Slice, Tagged, open_slice
from webapp.example_queries.view import SEATS, View
from webapp.explorer.finished_models import FinishedModels, Missing, Model, Triplet
from webapp.notes import queries as notes

UNMAPPED = "There is no map: only probes have frozen features that are kept, and none are kept of this student."


@dataclass(frozen=True)
class OpenView:
    finished: FinishedModels
    triplet: Triplet
    view: View
    slice: Slice
    source: Source
    tagged: Tagged

    @cached_property
    def summary(self) -> Summary:
        return summary_of(self.slice)

    @cached_property
    def page(self) -> Page:
        return page_of(self.slice)

    @property
    def fingerprint(self) -> str:
        return self.source.fingerprint

    @property
    def about(self) -> dict[str, str]:
        """A description of the models and the view, for an export."""
        runs = {seat: f"{_run(model)}key {model.key}" for seat, model in zip(SEATS, self.triplet.all, strict=True)}
        spec = self.triplet.student.spec
        named = {"experiment": f"#{self.finished.experiment.pk} {self.finished.experiment.name}", "data set": spec.dataset}
        return {**named, "fingerprint": self.fingerprint, **runs, "view": self.view.query() or "everything"}

    def export(self, how: Format, target: Path) -> None:
        """Write all rows of the view to ``target``, with their tags."""
        write(self.slice, notes.all_tags(self.fingerprint), how, target, self.about)


def _run(model: Model) -> str:
    """Return the run's number in words; nothing for a frozen experiment, whose runs have keys only."""
    return f"run {model.run.pk}, " if model.run.pk else ""


def examples() -> Base:
    return base(settings.EXAMPLES_DIR, settings.EXPLORER_MEMORY, settings.EXPLORER_THREADS)


class Preparing(Exception):
    """The files that a view is read from are still being made."""


MOST = 8
"""Number of triplets whose files are made in advance."""


def prepare(finished: FinishedModels) -> None:
    """Make the files of the experiment's first triplets on the test set, so that the first view and the first map find them."""
    for triplet in [finished.first, *(triplet for triplet in finished.triplets if triplet != finished.first)][:MOST]:
        examples().make(with_map(source_of(finished, triplet, "test"), triplet))


def source_of(finished: FinishedModels, triplet: Triplet, split: str) -> Source:
    return Source(finished.source.store, *finished.source.examples_of(triplet.student.spec), triplet.keys, split)


def with_map(source: Source, triplet: Triplet) -> Source:
    """Return the source with the features of the student's map, if stored. Raises FileNotFoundError where the data is gone."""
    return replace(source, projected=projected_of(triplet.student.spec, source.store, source.dataset))


@contextmanager
def open_view(finished: FinishedModels, view: View, patience: float | None = None) -> Iterator[OpenView]:
    """Open the view. Raises Missing where there is nothing to show, Refused for an impossible search or rectangle.

    Files that do not exist yet are made first; with ``patience``, Preparing is raised after that number of seconds.
    """
    triplet = finished.chosen(view)
    source = source_of(finished, triplet, view.split)
    tagged = tuple(tuple(ids) for ids in notes.ids_with(source.fingerprint, view.tag))
    with contextlib.ExitStack() as stack:
        try:
            if view.mapped:
                source = with_map(source, triplet)
                if view.framed and not source.projected:
                    raise Refused(Problem("map", f"Nothing can be selected on it. {UNMAPPED}"))
            if patience is not None and not examples().ready(source, patience):
                raise Preparing
            rows = stack.enter_context(open_slice(examples(), source, view, tagged))
        except FileNotFoundError:
            for key in triplet.keys:
                if not source.store.finished(key):
                    raise DamagedArtifact(key, "predictions.parquet", MISSING) from None
            gone = f"the examples of {triplet.student.spec.dataset}, or a run’s predictions for them"
            raise Missing(f"A file is gone that the examples are read from: {gone}.") from None
        except ValueError as error:
            raise Missing(str(error)) from None
        except duckdb.IOException as error:
            if out_of_room(error):
                raise
            raise Missing("The files that the explorer has made cannot be read now. Try again later.") from error
        yield OpenView(finished, triplet, view, rows, source, tagged)


def exported(finished: FinishedModels, view: View, how: Format) -> IO[bytes]:
    """Return the view as an open file that stays on the disk until it is closed. Raises Missing, Refused."""
    with tempfile.TemporaryDirectory(dir=temporary_files.folder()) as folder:
        target = Path(folder) / f"examples.{SUFFIXES[how]}"
        with open_view(finished, view) as opened:
            opened.export(how, target)
        return target.open("rb")
