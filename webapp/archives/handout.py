"""The file that is handed out for students from outside: texts with weak labels, and the texts of the test set without truth."""

import csv
import io
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from training import Triplet, catalog
from training.catalog import DatasetEntry
from training.storage.predictions import Predictions
from training.storage.probabilities import by_class
from webapp import temporary_files
from webapp.artifact_store import artifact_store
from webapp.experiments import submissions
from webapp.experiments.models import Experiment

README = """Weak labels and test texts of experiment {number}, “{name}”

Supervisor: {weak}. Data set: {dataset}, SHA-256 {fingerprint}.

half-b-seed-0.csv and so on: id, text and the probabilities that the supervisor gives each class ({classes}), for each seed. A
student learns from these, and from nothing that knows the truth. test.csv: id and text of the test set, which is the same for
every seed.

Send back a file with id and probability (of class 1), probability_0, probability_1 and so on, or label, for every id of
test.csv: one file for all seeds, or one for each seed in the order of the seeds. Each submission is a look at the test set, and
their number is bounded.
"""


class NotHandedOut(ValueError):
    """There is nothing to hand out; the message says why."""


def supervisor_named(experiment: Experiment, weak: str) -> str:
    """Return the supervisor ``weak`` of the experiment, its only one where the name is empty. Raises NotHandedOut."""
    models = experiment.experiment_spec.weak.models
    if weak in models or (not weak and len(models) == 1):
        return weak or models[0]
    raise NotHandedOut(f"Name one of the supervisors of this experiment: {', '.join(models)}.")


def hands_out(data: DatasetEntry) -> bool:
    """Return whether the examples are texts with classes."""
    return data.answers is None and not data.images and not data.arrays


def data_of(experiment: Experiment) -> DatasetEntry:
    """Return the data set whose texts are handed out. Raises NotHandedOut where there is nothing to hand out now."""
    data = catalog.known_dataset(experiment.spec["data"]["name"])
    if data is None or not hands_out(data):
        raise NotHandedOut("Only texts with classes are handed out, and this data set has none here.")
    if experiment.transition or submissions.unfinished(experiment):
        raise NotHandedOut(submissions.NOT_FINISHED)
    return data


def packed(experiment: Experiment, weak: str = "") -> IO[bytes]:
    """Return the zip file for the students of the supervisor ``weak``. Raises NotHandedOut."""
    spec, model, data = experiment.experiment_spec, supervisor_named(experiment, weak), data_of(experiment)
    labels = {triplet.seed: triplet.weak for triplet in map(_triplet, experiment.triplets) if triplet.weak_model == model}
    file = tempfile.TemporaryFile(dir=temporary_files.folder())  # noqa: SIM115 - the answer closes it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
        about = {"number": experiment.pk, "name": spec.name, "weak": model, "dataset": data.name, "fingerprint": data.digest}
        pack.writestr("README.txt", README.format(**about, classes=", ".join(data.classes)))
        texts = _Texts(data)
        for seed, key in sorted(labels.items()):
            predictions = artifact_store().read_predictions(key)
            pack.writestr(f"half-b-seed-{seed}.csv", texts.table(predictions.part("transfer"), labelled=True))
        pack.writestr("test.csv", texts.table(predictions.part("test"), labelled=False))
    file.seek(0)
    return file


def _triplet(stored: dict[str, object]) -> Triplet:
    return Triplet(**stored)  # type: ignore[arg-type]


class _Texts:
    """The texts of a data set by id. Its labels are not read."""

    def __init__(self, data: DatasetEntry) -> None:
        self.columns = ["text"] if data.texts == 1 else ["text", "text_b"]
        with pq.ParquetFile(data.path) as file:
            table = file.read(columns=["id", *self.columns])
        self.id: npt.NDArray[np.int64] = table["id"].to_numpy().astype(np.int64)
        self.order = np.argsort(self.id, kind="stable")
        self.texts = table.select(self.columns)

    def table(self, predictions: Predictions, *, labelled: bool) -> str:
        """Return a CSV of the examples ascending by id, ``labelled`` with the probabilities of every class."""
        entries = np.argsort(predictions.id, kind="stable")
        ids = predictions.id[entries]
        rows = self.order[np.searchsorted(self.id, ids, sorter=self.order)]
        columns = [ids.tolist(), *(self.texts[name].take(rows).to_pylist() for name in self.columns)]
        names = ["id", *self.columns]
        if labelled:
            prob = by_class(predictions.prob[entries])
            names += [f"probability_{number}" for number in range(prob.shape[1])]
            columns += [[f"{value:.7g}" for value in column.tolist()] for column in prob.T]
        return _csv(names, zip(*columns, strict=True))


def _csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()
