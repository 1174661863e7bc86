"""The result without the examples whose gold label is marked as wrong, beside the original and never in its place."""

from dataclasses import dataclass

import numpy as np

from training.metrics.results import Result, summarize
from training.storage.written_answers import Course, Outputs
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import Missing
from webapp.notes import queries as notes
from webapp.notes.models import WRONG


@dataclass(frozen=True)
class Marked:
    """``examples`` are the ids of test examples with the tag; ``result`` is None without such an example."""

    examples: list[int]
    original: Result
    result: Result | None


def marked(experiment: Experiment) -> Marked:
    """Return the result without the marked examples. Raises Missing without a result, or where too few examples are left."""
    if experiment.result is None:
        raise Missing("There is no result yet that could be computed again.")
    original = Result.model_validate(experiment.result)
    store = artifact_store()
    first = store.read_outputs(experiment.result_runs[0]).part("test")
    fingerprint = experiment.runs.all()[0].run_spec.fingerprint
    wrong = np.array(sorted(set(notes.ids_with(fingerprint, [WRONG])[0]) & set(first.id.tolist())), np.int64)
    if not len(wrong):
        return Marked([], original, None)

    def read(key: str) -> Outputs:
        outputs = store.read_outputs(key)
        return outputs.take(~np.isin(outputs.id, wrong))

    def read_trajectory(key: str) -> Course:
        full = store.read_course(key)
        return full.take(~np.isin(full.id, wrong))

    try:
        return Marked(wrong.tolist(), original, summarize(experiment.compared, read, read_trajectory))
    except FileNotFoundError as error:
        raise Missing("The result cannot be computed without the marked examples: the predictions of a run are gone.") from error
    except ValueError as error:
        raise Missing(f"The result cannot be computed without the marked examples: {error}") from None
