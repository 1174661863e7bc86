"""Predictions and trajectories as the tables of their files, and back."""

import json
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pyarrow as pa

from training.storage.columns import array_of, column_of
from training.storage.predictions import Predictions, Trajectory
from training.storage.probabilities import drawn, labels_of
from training.storage.written_answers import Course, Outputs, WrittenAnswers, WrittenTrajectory


class NoProbabilities(ValueError):
    """Probabilities of classes are asked of a run that wrote answers."""

    def __init__(self) -> None:
        super().__init__("This run wrote answers and has no probabilities of classes: what is asked for is not defined for it.")


def table_of_predictions(predictions: Predictions) -> pa.Table:
    columns = {field.name: getattr(predictions, field.name) for field in fields(Predictions)}
    return pa.table(columns | {"prob": column_of(predictions.prob)})


def table_of_trajectory(trajectory: Trajectory) -> pa.Table:
    columns = {"id": trajectory.id, "prob": column_of(np.ascontiguousarray(trajectory.prob.T))}
    if trajectory.labels is not None:
        columns["label"] = column_of(np.ascontiguousarray(trajectory.labels.T))
    metadata = {
        "steps": trajectory.steps.tolist(),
        "selected": trajectory.selected,
        "validation": trajectory.validation.tolist(),
    }
    return pa.table(columns).replace_schema_metadata({"trajectory": json.dumps(metadata)})


def with_probabilities(outputs: Outputs) -> Predictions:
    if isinstance(outputs, WrittenAnswers):
        raise NoProbabilities
    return outputs


def outputs_of(table: pa.Table) -> Outputs:
    return WrittenAnswers.of(table) if "text" in table.column_names else predictions_of(table)


def course_of(table: pa.Table, predictions: Callable[[], Predictions]) -> Course:
    return WrittenTrajectory.of(table) if "answer" in table.column_names else trajectory_of(table, predictions)


def known(predictions: Predictions | None) -> Predictions:
    if predictions is None:
        raise ValueError("A run has a trajectory of an example that it does not predict.")
    return predictions


def predictions_of(table: pa.Table) -> Predictions:
    columns = {name: table[name].to_numpy() for name in ("id", "group", "gold")}
    split = table["split"].to_numpy().astype(np.str_)
    return Predictions(split=split, prob=array_of(table["prob"].combine_chunks()), **columns)


def trajectory_of(table: pa.Table, predictions: Callable[[], Predictions]) -> Trajectory:
    """Return a trajectory. A file of an earlier version has the probabilities of all K > 2 classes, without labels.

    The true classes are then those of ``predictions``.
    """
    metadata = json.loads(table.schema.metadata[b"trajectory"])
    ids, prob, labels = table["id"].to_numpy(), array_of(table["prob"].combine_chunks()).swapaxes(0, 1), None
    if "label" in table.column_names:
        labels = np.ascontiguousarray(array_of(table["label"].combine_chunks()).T)
    elif pa.types.is_fixed_size_list(table["prob"].type.value_type):
        run = predictions()
        order = np.argsort(run.id, kind="stable")
        gold = run.gold[order[np.searchsorted(run.id, ids, sorter=order)]]
        labels = np.stack([labels_of(each) for each in prob])
        prob = np.stack([drawn(each, gold) for each in prob])
    return Trajectory(
        steps=np.array(metadata["steps"], np.int64),
        id=ids,
        prob=np.ascontiguousarray(prob),
        validation=np.array(metadata["validation"], np.float64),
        selected=metadata["selected"],
        labels=labels,
    )
