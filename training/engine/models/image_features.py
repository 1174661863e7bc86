"""Features of images: computed once for a model and a data set, and mapped by every run."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from accelerate import Accelerator
from PIL import Image

from training.engine.data.image_decoding import pixels_of
from training.engine.determinism import threads, transformer_threads
from training.engine.errors import CorruptData, CorruptModel, Stopped
from training.engine.models import model_files
from training.engine.models.feature_files import Features, reserve, stored
from training.engine.models.features import features_path
from training.engine.models.image_encoders import encoder_of
from training.engine.models.sizes import size_of
from training.events import Event, Progress
from training.spec import RunSpec
from training.storage.artifacts import Store

TOGETHER = 32
"""Images in one pass, between two checks for a stop."""


def image_features(
    run: RunSpec, images: Path, rows: int, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]
) -> Features:
    """Return the vectors (rows, width) of all images in the data set's file ``images``, from the store or computed for it.

    Raises Stopped, CorruptModel, CorruptData.
    """
    shape = rows, size_of(run).width

    def write(path: Path) -> None:
        device = Accelerator().device
        file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        reserve(path)
        done = 0
        with threads(transformer_threads()), torch.inference_mode():
            encode = encoder_of(run, device)
            for part in decoded_parts(images):
                if should_stop():
                    raise Stopped
                vectors = encode(part).cpu()
                if not torch.isfinite(vectors).all():
                    raise CorruptModel(f"{model_files.public_name(run)} gives numbers that are not finite for some images.")
                file[done : done + len(part)] = vectors.numpy()
                done += len(part)
                emit(Progress(phase="features", done=done, total=rows))
        file.flush()

    return stored(store, features_path(run, store), shape, write, should_stop)


def decoded_parts(images: Path) -> Iterator[Sequence[Image.Image]]:
    """Yield the images of a data set in the order of its rows, some at a time. Raises CorruptData for one that is damaged."""
    row = 0
    with pq.ParquetFile(images) as file:
        for batch in file.iter_batches(TOGETHER, columns=["image"]):
            part = []
            for content in batch.column(0).to_pylist():
                row += 1
                try:
                    image = pixels_of(content)
                    image.load()
                except Exception as error:  # decoders of damaged files raise errors of many classes
                    raise CorruptData(f"The image of row {row:,} cannot be decoded: {error}.") from error
                part.append(image)
            yield part
