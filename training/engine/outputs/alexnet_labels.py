"""``python -m training outside alexnet``: a file with the probabilities that AlexNet gives the images of a data set."""

import argparse
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from accelerate import Accelerator

from training import catalog
from training.command_output import LabelsMade
from training.engine.data import command
from training.engine.data.command import Write
from training.engine.data.examples import load_examples
from training.engine.data.rules import OnProgress
from training.engine.determinism import threads, transformer_threads
from training.engine.models import alexnet
from training.engine.models.image_features import decoded_parts
from training.storage.atomic import atomic


def run(options: argparse.Namespace, write: Write, should_stop: Callable[[], bool]) -> int:
    """Run the command and write its results; an error is the last line. Returns the exit code."""
    return command.run(options, write, should_stop, {"alexnet": _label})


def _label(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    data = catalog.dataset(options.dataset)
    if not data.images:
        raise ValueError(f"{data.title} has no images that AlexNet could see.")
    network = alexnet.load(options.weights)
    if network.classes != len(data.classes):
        raise ValueError(f"AlexNet tells {network.classes:,} classes apart, and {data.title} has {len(data.classes):,}.")
    examples = load_examples(data.name, data.digest)
    prob = np.empty((len(examples), network.classes), np.float32)
    device, done = Accelerator().device, 0
    network.to(device)
    with threads(transformer_threads()), torch.inference_mode():
        for part in decoded_parts(data.path):
            on_progress("labels", done, len(examples))
            prob[done : done + len(part)] = network(alexnet.pixels(part).to(device)).softmax(dim=1).cpu().numpy()
            done += len(part)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(prob.ravel()), network.classes).cast(pa.list_(pa.float32()))
    with atomic(options.out) as path:
        pq.write_table(pa.table({"id": examples.id, "probability": lists}), path, compression="zstd")
    accuracy = float((prob.argmax(axis=1) == examples.label).mean())
    write(LabelsMade(file=str(options.out), rows=len(examples), accuracy=accuracy))
