"""Attribution of a model's answer to the parts of an image: each patch is covered in turn, and the outputs are compared."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from PIL import Image

from training.command_output import Attribution, Patch
from training.engine.data.examples import Examples
from training.engine.data.image_decoding import pixels_of
from training.engine.determinism import threads, transformer_threads
from training.engine.models import classifiers
from training.engine.models.image_encoders import encoder_of
from training.engine.models.image_features import TOGETHER
from training.engine.outputs.export import weights_of
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.columns import row_of
from training.storage.probabilities import axes_of, log_odds

GRID = 8
"""Number of patches along each side of an image; fewer where it has fewer pixels."""

Box = tuple[int, int, int, int]
"""Left, upper, right and lower edge in pixels."""


def occlusion_of(run: RunSpec, store: Store, examples: Examples, row: int) -> Attribution:
    """Return the effect of each patch of the image in ``row`` on the log-odds that ``run`` gives its true label.

    Occlusion after Zeiler and Fergus (2014, arXiv:1311.2901), who cover a part of the image with grey. Here the patches do not
    overlap, and their grey is the mean of the image's own grey values, so that the ground of a picture has little effect. The
    effect of a patch is the log-odds without cover minus those with it, in nats. Raises EngineError without weights.
    """
    image = _image(examples, row)
    boxes = grid(*image.size)
    images = [image, *(covered(image, box) for box in boxes)]
    odds = log_odds(_logits(run, store, images, examples.classes), int(examples.label[row]))
    width, height = image.size
    patches = (
        Patch(left=left / width, top=top / height, right=right / width, bottom=bottom / height, effect=float(odds[0] - without))
        for (left, top, right, bottom), without in zip(boxes, odds[1:], strict=True)
    )
    return Attribution(run=run.key(), id=int(examples.id[row]), log_odds=float(odds[0]), patches=tuple(patches))


def _image(examples: Examples, row: int) -> Image.Image:
    assert examples.images is not None, "the examples have images"
    stored = row_of(examples.images, int(examples.id[row]))
    assert stored is not None, "the row is one of the file"
    image = pixels_of(stored["image"][0].as_py())
    image.load()
    return image


def grid(width: int, height: int) -> list[Box]:
    """Return the boxes of the patches row by row: together they are the whole image."""
    across, down = (np.linspace(0, size, min(GRID, size) + 1).round().astype(int).tolist() for size in (width, height))
    return [(left, top, right, bottom) for top, bottom in pairwise(down) for left, right in pairwise(across)]


def covered(image: Image.Image, box: Box) -> Image.Image:
    """Return a copy of the image, grey or RGB, with the box in the mean of its grey values."""
    grey = round(float(np.asarray(image.convert("L"), np.float32).mean()))
    copy = image.copy()
    copy.paste(grey if image.mode == "L" else (grey, grey, grey), box)
    return copy


def _logits(run: RunSpec, store: Store, images: list[Image.Image], classes: int) -> npt.NDArray[np.float64]:
    """Return the trained model's logits of n images: (n,), or with K > 2 classes (n, K)."""
    weights = weights_of(run, store)
    head = classifiers.build(run, classes=classes)
    head.load_state_dict(weights)
    device = Accelerator().device
    output = np.empty((len(images), *axes_of(classes)))
    with threads(transformer_threads()), torch.inference_mode():
        encode, head = encoder_of(run, device), head.to(device).eval()
        for begin in range(0, len(images), TOGETHER):
            part = slice(begin, begin + TOGETHER)
            output[part] = head(encode(images[part])).float().cpu().numpy()
    return output
