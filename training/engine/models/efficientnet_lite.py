"""EfficientNet-Lite0 from its published description, with the names of the tensors in the weights that are read.

Tan and Le (2019, arXiv:1905.11946), table 1, with the changes of its Lite version (tensorflow/tpu, efficientnet/lite): no
squeeze-and-excitation, ReLU6 in the place of swish, stem and head of fixed width. Convolutions pad as TensorFlow does (same).
"""

from typing import NamedTuple

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

WIDTH = 1280
"""Features of an image: the mean over places of the last convolution."""
SIDE = 224
EPSILON = 1e-3


class Row(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expand: int
    width: int


STEM = 32
ROWS = (
    Row(1, 3, 1, 1, 16),
    Row(2, 3, 2, 6, 24),
    Row(2, 5, 2, 6, 40),
    Row(3, 3, 2, 6, 80),
    Row(3, 5, 1, 6, 112),
    Row(4, 5, 2, 6, 192),
    Row(1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """A convolution whose output has a place for each stride of its input; an odd pad is larger on the right and below."""

    def forward(self, x: Tensor) -> Tensor:
        pads = list[int]()
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [pad // 2, pad - pad // 2]
        output: Tensor = self._conv_forward(F.pad(x, pads), self.weight, self.bias)
        return output


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=EPSILON)


class Block(nn.Module):
    """An inverted bottleneck: expansion, convolution in each channel, projection, and the input added where shapes are equal."""

    def __init__(self, inputs: int, row: Row, stride: int) -> None:
        super().__init__()
        inner = inputs * row.expand
        self.expands, self.adds = row.expand > 1, stride == 1 and inputs == row.width
        if self.expands:
            self._expand_conv = SameConv(inputs, inner, 1, bias=False)
            self._bn0 = _norm(inner)
        self._depthwise_conv = SameConv(inner, inner, row.kernel, stride, groups=inner, bias=False)
        self._bn1 = _norm(inner)
        self._project_conv = SameConv(inner, row.width, 1, bias=False)
        self._bn2 = _norm(row.width)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        inner = F.relu6(self._bn1(self._depthwise_conv(inner)))
        projected: Tensor = self._bn2(self._project_conv(inner))
        return projected + x if self.adds else projected


class EfficientNetLite0(nn.Module):
    """The network without its last layer, which gives the classes of ImageNet."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, STEM, 3, 2, bias=False)
        self._bn0 = _norm(STEM)
        blocks, inputs = list[nn.Module](), STEM
        for row in ROWS:
            for number in range(row.repeats):
                blocks.append(Block(inputs, row, row.stride if number == 0 else 1))
                inputs = row.width
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv(inputs, WIDTH, 1, bias=False)
        self._bn1 = _norm(WIDTH)

    def forward(self, images: Tensor) -> Tensor:
        """Return the features (n, 1280) of ``images`` (n, 3, height, width)."""
        x = F.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            x = block(x)
        features: Tensor = F.relu6(self._bn1(self._conv_head(x))).mean(dim=(2, 3))
        return features
