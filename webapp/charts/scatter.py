"""Examples as points in a plane with a selectable range. Both axes have one scale; points outside are drawn at the edge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 # builds XML, reads none

End = float | None

WIDTH, HEIGHT = 760, 460
MARGIN = 6
"""Pixels from the outermost point to the edge of the picture."""


@dataclass(frozen=True)
class Dot:
    """A point; ``kind`` is its CSS class."""

    id: int
    kind: str
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Window:
    """The part of the plane in the picture: its middle is at ``x`` and ``y``, and a pixel is ``unit`` wide."""

    x: float
    y: float
    unit: float

    @classmethod
    def around(cls, low: tuple[float, float], high: tuple[float, float]) -> "Window":
        """Return the smallest window that contains the rectangle between the corners ``low`` and ``high``."""
        plot_size = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
        unit = max((end - begin) / size for begin, end, size in zip(low, high, plot_size, strict=True))
        return cls((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, unit or 1.0)

    @property
    def low(self) -> tuple[float, float]:
        return self.x - WIDTH / 2 * self.unit, self.y - HEIGHT / 2 * self.unit

    @property
    def high(self) -> tuple[float, float]:
        return self.x + WIDTH / 2 * self.unit, self.y + HEIGHT / 2 * self.unit

    def across(self, x: float) -> float:
        """Return pixels from the left."""
        return WIDTH / 2 + (x - self.x) / self.unit

    def down(self, y: float) -> float:
        """Return pixels from the top."""
        return HEIGHT / 2 - (y - self.y) / self.unit


def scatter_chart(dots: Sequence[Dot], window: Window, chosen: tuple[tuple[End, End], tuple[End, End]] | None, label: str) -> str:
    """Return an SVG of ``dots``, drawn in order. ``chosen`` has the ends of the selection along x and y, None for an open end."""
    image = Element("svg", {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": label})
    across, down = _within(window.across(0), WIDTH), _within(window.down(0), HEIGHT)
    SubElement(image, "path", {"class": "zero", "d": f"M{across:.1f} 0V{HEIGHT}M0 {down:.1f}H{WIDTH}"})
    for dot in dots:
        x, y = _within(window.across(dot.x), WIDTH), _within(window.down(dot.y), HEIGHT)
        place = {"class": dot.kind, "cx": f"{x:.1f}", "cy": f"{y:.1f}"}
        SubElement(image, "circle", {**place, "data-id": str(dot.id), "data-text": dot.text})
    if chosen:
        (left, right), (bottom, top) = chosen
        x, y = _edge(left, window.across, 0, WIDTH), _edge(top, window.down, 0, HEIGHT)
        size = _edge(right, window.across, WIDTH, WIDTH) - x, _edge(bottom, window.down, HEIGHT, HEIGHT) - y
        shape = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{max(1.0, size[0]):.1f}", "height": f"{max(1.0, size[1]):.1f}"}
        SubElement(image, "rect", {"class": "chosen", **shape})
    return tostring(image, encoding="unicode")


def _within(pixels: float, size: int) -> float:
    return min(size - MARGIN / 2, max(MARGIN / 2, pixels))


def _edge(end: End, pixels: Callable[[float], float], otherwise: int, size: int) -> float:
    return otherwise if end is None else min(size, max(0, pixels(end)))
