"""A histogram with a selectable range: pale bars for all examples, dark bars for those of the view."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 # builds XML, reads none

BAR, HEIGHT = 12, 58


def brush_chart(everything: Sequence[int], in_view: Sequence[int], chosen: tuple[float, float] | None, label: str) -> str:
    """Return an SVG. ``everything`` and ``in_view`` count bins of equal width; ``chosen`` is the range as shares of the axis."""
    width, most = BAR * len(everything), max(*everything, 1)
    size = {"viewBox": f"0 0 {width} {HEIGHT}", "preserveAspectRatio": "none", "role": "img", "aria-label": label}
    image = Element("svg", {"class": "brush", **size})
    for name, counts in (("all", everything), ("kept", in_view)):
        for index, number in enumerate(counts):
            height = max(1.5, HEIGHT * number / most)
            if number:
                shape = {"x": str(index * BAR), "y": f"{HEIGHT - height:.2f}", "width": str(BAR - 1), "height": f"{height:.2f}"}
                bar = SubElement(image, "rect", {"class": name, **shape})
                SubElement(bar, "title").text = f"{in_view[index]:,} of {everything[index]:,} examples"
    if chosen:
        low, high = (min(1.0, max(0.0, end)) * width for end in chosen)
        SubElement(
            image, "rect", {"class": "chosen", "x": f"{low:.1f}", "width": f"{max(1.0, high - low):.1f}", "height": str(HEIGHT)}
        )
    return tostring(image, encoding="unicode")
