"""AlexNet with one tower (Krizhevsky 2014, arXiv:1404.5997), in the layout of torchvision's weights of ImageNet."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from training.engine.errors import CorruptModel
from training.engine.models.image_encoders import centre

WEIGHTS = "alexnet-owt-7be5be79.pth"
"""File of torchvision's ``AlexNet_Weights.IMAGENET1K_V1``. Its SHA-256 begins with the digits in its name."""
DIGITS = "7be5be79"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue on ImageNet, from 0 to 1, by which its images are normalised."""


class AlexNet(nn.Module):
    """The network from normalised images (n, 3, 224, 224) to logits (n, classes). Without dropout, since it is not trained."""

    def __init__(self, hidden: int = 4096, classes: int = 1000) -> None:
        super().__init__()
        self.classes = classes
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Identity(),
            nn.Linear(256 * 6 * 6, hidden),
            nn.ReLU(),
            nn.Identity(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.avgpool(self.features(images)).flatten(1))
        return logits


def load(path: Path) -> AlexNet:
    """Return AlexNet with the weights in ``path``. Raises CorruptModel for another file, and OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(DIGITS):
        raise CorruptModel(f"{path.name} is not torchvision’s {WEIGHTS}: its SHA-256 begins with {digest[:8]}, and not {DIGITS}.")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        network = AlexNet(len(stored["classifier.1.weight"]), len(stored["classifier.6.weight"]))
        network.load_state_dict(stored)
    except Exception as error:  # torch raises errors of many classes for a file without such weights
        raise CorruptModel(f"{path.name} has no weights of AlexNet: {str(error).strip().partition(chr(10))[0]}") from None
    return network.eval()


def pixels(images: Sequence[Image.Image]) -> Tensor:
    """Return the centres of the images, normalised, (n, 3, 224, 224): the preprocessing of torchvision's weights."""
    values = np.stack([np.asarray(centre(image), np.float32) / 255 for image in images])
    normalised = (values - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return torch.from_numpy(normalised).permute(0, 3, 1, 2)
