"""Where the examples of an experiment are read from: the laboratory's own store and shelf, or a frozen copy of a part of both."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from training import RunSpec, Store, catalog
from training.events import RunFinished
from training.storage.archive import read_events
from webapp.experiments import queries
from webapp.experiments.models import Run

TEXTS = "texts.parquet"


class ExampleSource:
    """The laboratory's own."""

    @property
    def store(self) -> Store:
        return Store(settings.ARTIFACTS_DIR)

    def examples_of(self, run: RunSpec) -> tuple[Path, str]:
        """The Parquet file with the texts of the run's data set, and its fingerprint."""
        return catalog.examples_of(run.dataset, run.fingerprint), run.fingerprint

    def ending(self, run: Run) -> RunFinished | None:
        """What the run told when it had finished."""
        last = queries.timeline([run], ["finished"]).last()
        return RunFinished.model_validate(last.payload) if last else None


@dataclass(frozen=True)
class FrozenSource(ExampleSource):
    """A frozen copy: ``archive`` is the folder of an experiment's archive, ``examples`` what ``freezing.freeze`` has left."""

    archive: Path
    examples: Path
    fingerprint: str

    @property
    def store(self) -> Store:
        return Store(self.examples)

    def examples_of(self, run: RunSpec) -> tuple[Path, str]:
        return self.examples / TEXTS, self.fingerprint

    def ending(self, run: Run) -> RunFinished | None:
        ends = [told.event for told in read_events(self.archive, run.key) if isinstance(told.event, RunFinished)]
        return ends[-1] if ends else None
