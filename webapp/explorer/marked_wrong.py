"""The result without the examples whose gold label somebody holds to be wrong: beside the original, never in its place."""

from dataclasses import dataclass

import numpy as np
from django.conf import settings

from training import Store
from training.metrics.results import Result, summarize
from training.storage.predictions import Predictions, Trajectory
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import Missing
from webapp.notes import queries as notes
from webapp.notes.models import WRONG


@dataclass(frozen=True)
class Marked:
    """``examples`` are the ids of test examples with the tag; ``result`` is None where there are none."""

    examples: list[int]
    original: Result
    result: Result | None


def marked(experiment: Experiment) -> Marked:
    """Raises Missing where the experiment has no result yet, or where too little is left without the marked."""
    if experiment.result is None:
        raise Missing("There is no result yet that could be computed again.")
    original = Result.model_validate(experiment.result)
    store = Store(settings.ARTIFACTS_DIR)
    first = store.read_predictions(experiment.result_runs[0]).part("test")
    fingerprint = experiment.runs.all()[0].run_spec.fingerprint
    wrong = np.array(sorted(set(notes.ids_with(fingerprint, [WRONG])[0]) & set(first.id.tolist())), np.int64)
    if not len(wrong):
        return Marked([], original, None)

    def read(key: str) -> Predictions:
        found = store.read_predictions(key)
        return found.take(~np.isin(found.id, wrong))

    def read_trajectory(key: str) -> Trajectory:
        found = store.read_trajectory(key)
        keep = ~np.isin(found.id, wrong)
        return Trajectory(found.steps, found.id[keep], found.prob[:, keep], found.validation, found.selected)

    try:
        return Marked(wrong.tolist(), original, summarize(experiment.compared, read, read_trajectory))
    except FileNotFoundError as error:
        raise Missing("The result cannot be computed without the marked examples: the predictions of a run are gone.") from error
    except ValueError as error:
        raise Missing(f"The result cannot be computed without the marked examples: {error}") from None
