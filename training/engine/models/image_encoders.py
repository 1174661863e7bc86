"""Models from images to one vector each: grey values of a few cells, EfficientNet-Lite0, and backbones through transformers."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, files
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.catalog import vision
from training.engine.errors import CorruptModel
from training.engine.models import backbone, model_files
from training.engine.models.efficientnet_lite import EfficientNetLite0
from training.engine.models.precision import autocast, precision_of
from training.engine.models.sizes import size_of
from training.spec import RunSpec

Encoder = Callable[[Sequence[Image.Image]], Tensor]
"""A function from images to their vectors (n, width), fp32."""

RESIZED = 256
"""Shorter side of an image before its centre is cut out."""
SMALL, SMALL_SIDE, SIDE = 64, 112, 224
"""EfficientNet-Lite0 reads images at 224 x 224 pixels, and those of at most 64 pixels at 112, since enlarging adds nothing."""


def encoder_of(run: RunSpec, device: torch.device) -> Encoder:
    """Return the model of ``run`` on ``device``. Raises CorruptModel."""
    size = size_of(run)
    if size.architecture == vision.PIXELS:
        return partial(grey_cells, side=round(size.width**0.5))
    frame = centre if run.image_crop == "center" else _whole
    if size.architecture == vision.LITE0:
        network = lite0(run).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return lambda images: network(torch.cat([_prepared(frame(image)) for image in images]).to(device))
    return _pretrained(run, device, frame)


def centre(image: Image.Image) -> Image.Image:
    """Return the 224 x 224 pixels in the middle of an image whose shorter side is resized to 256 pixels, bilinear, in RGB.

    Sizes and places are rounded as by torchvision's Resize and CenterCrop.
    """
    short = min(image.size)
    width, height = (int(RESIZED * side / short) for side in image.size)
    left, top = (round((side - SIDE) / 2) for side in (width, height))
    resized = image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + SIDE, top + SIDE))


def _whole(image: Image.Image) -> Image.Image:
    return image.convert("RGB")


def grey_cells(images: Sequence[Image.Image], side: int) -> Tensor:
    """Return the mean grey values (n, side x side), from 0 to 1, of equal cells of each whole image, row by row."""
    cells = [image.convert("L").resize((side, side), Image.Resampling.BOX) for image in images]
    return torch.from_numpy(np.stack([np.asarray(cell, np.float32).ravel() for cell in cells])) / 255


def lite0(run: RunSpec) -> EfficientNetLite0:
    """Return EfficientNet-Lite0 with the weights of its package. Raises CorruptModel where they are missing or others."""
    name = "EfficientNet-Lite0"
    try:
        path = next(file for file in files(vision.LITE0_PACKAGE) or () if file.suffix == ".pth").locate()
        with open(path, "rb") as file:  # noqa: PTH123 # importlib gives a path of its own kind
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (PackageNotFoundError, StopIteration, OSError):
        raise CorruptModel(f"{name} is not installed: “make vision” installs it.") from None
    if digest != run.digest:
        raise CorruptModel(f"The weights of {name} are not those of the plan: SHA-256 {digest}, expected {run.digest}.")
    stored = torch.load(path, map_location="cpu", weights_only=True)
    network = EfficientNetLite0()
    network.load_state_dict({key: tensor for key, tensor in stored.items() if not key.startswith("_fc.")})
    return network.eval()


def _prepared(image: Image.Image) -> Tensor:
    """Return an RGB image (1, 3, side, side) as EfficientNet-Lite0 was trained on: (value - 127) / 128, squeezed to a square."""
    side = SMALL_SIDE if max(image.size) <= SMALL else SIDE
    pixels = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), np.float32)
    return (torch.from_numpy(pixels).permute(2, 0, 1)[None] - 127) / 128


def _pretrained(run: RunSpec, device: torch.device, frame: Callable[[Image.Image], Image.Image]) -> Encoder:
    """Return a backbone with its own preprocessing, read at the first token or as it pools. Raises CorruptModel.

    What ``frame`` cut out is neither resized nor cut again.
    """
    name, precision = model_files.public_name(run), precision_of(run)
    processor = _processor(run, name)
    model: Any = backbone.pretrained(run).to(device)
    fixed = {"do_resize": False, "do_center_crop": False} if run.image_crop == "center" else {}
    pooling, width = vision.ARCHITECTURES[size_of(run).architecture], size_of(run).width

    def encode(images: Sequence[Image.Image]) -> Tensor:
        pixels = processor(images=list(map(frame, images)), return_tensors="pt", **fixed)["pixel_values"].to(device)
        with autocast(precision, device):
            output = model(pixel_values=pixels)
        states = output.last_hidden_state[:, 0] if pooling == "cls" else output.pooler_output.flatten(1)
        vectors: Tensor = states.float()
        return vectors

    _check(encode, name, width)
    return encode


def _processor(run: RunSpec, name: str) -> Any:
    from transformers import AutoImageProcessor

    try:
        return AutoImageProcessor.from_pretrained(  # nosec B615 # a local folder
            model_files.folder_of(run), local_files_only=True, trust_remote_code=False, backend="pil"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CorruptModel(f"The preprocessing of {name} cannot be loaded: {reason}") from error


CLOSE = 1e-3
"""Largest difference, as a share of its norm, of an image's vector computed beside another image."""


def _check(encode: Encoder, name: str, width: int) -> None:
    """Raise CorruptModel for a backbone whose vectors are not those that its config promises."""
    draw = np.random.default_rng(0)
    images = [Image.fromarray(draw.integers(0, 256, (40, 50, 3)).astype(np.uint8)) for _ in range(2)]
    with torch.inference_mode():
        try:
            together, alone = encode(images), torch.cat([encode([image]) for image in images])
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CorruptModel(f"{name} does not read a plain image: {reason}") from error
    if together.shape[1] != width:
        raise CorruptModel(f"The vectors of {name} are {together.shape[1]} numbers wide, and its config.json says {width}.")
    if not torch.isfinite(alone).all():
        raise CorruptModel(f"{name} gives numbers that are not finite for an ordinary image: its weights are damaged.")
    if not float(((alone - together).norm(dim=1) / alone.norm(dim=1).clamp(min=1e-12)).max()) <= CLOSE:
        raise CorruptModel(f"{name} reads what is beside an image in its batch: results would hang on how images are batched.")
