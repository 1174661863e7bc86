"""Sources of the examples of an experiment: the store and data set library of the installation, or a frozen copy of a part."""

from dataclasses import dataclass
from pathlib import Path

from training import RunSpec, Store, catalog
from training.events import RunFinished
from training.storage.archive import read_events
from webapp.artifact_store import artifact_store
from webapp.experiments import queries
from webapp.experiments.models import Run

TEXTS = "texts.parquet"


class ExampleSource:
    """The store and the data set library of the installation."""

    @property
    def store(self) -> Store:
        return artifact_store()

    def examples_of(self, run: RunSpec) -> tuple[Path, str]:
        """Return the Parquet file with the texts of the run's data set, and its fingerprint."""
        return catalog.examples_of(run.dataset, run.fingerprint), run.fingerprint

    def ending(self, run: Run) -> RunFinished | None:
        """Return the last event of a finished run."""
        last = queries.timeline([run], ["finished"]).last()
        return RunFinished.model_validate(last.payload) if last else None


@dataclass(frozen=True)
class FrozenSource(ExampleSource):
    """A frozen copy: ``archive`` is the folder of the archive, ``examples`` the folder filled by ``frozen_copy.freeze``."""

    archive: Path
    examples: Path
    fingerprint: str

    @property
    def store(self) -> Store:
        return Store(self.examples)

    def examples_of(self, run: RunSpec) -> tuple[Path, str]:
        return self.examples / TEXTS, self.fingerprint

    def ending(self, run: Run) -> RunFinished | None:
        ends = [line.event for line in read_events(self.archive, run.key) if isinstance(line.event, RunFinished)]
        return ends[-1] if ends else None
