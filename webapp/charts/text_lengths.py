"""The lengths of the texts of each class, as a small SVG drawing; colours come from static/css/charts.css."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 # builds XML, reads none

from training.catalog.check_report import Lengths

BARS, MARGIN = 44, 14
"""Pixels of the bars of one bin, and between two bins."""
HEIGHT, TOP, BOTTOM = 132, 18, 22


def darkness(number: int, sides: int) -> float:
    """Return the opacity of a side's bars: 0 for the first side (outlines), 1 for the last."""
    return number / (sides - 1)


def lengths_chart(lengths: Lengths, names: Sequence[str]) -> str:
    """Return an SVG with a bar for each class in each bin, darker from class to class, without the empty bins at the end.

    ``names`` are the names of the classes, or of the sides of pairs.
    """
    sides = len(names)
    bar, gap = max(3, BARS // sides), 2 if sides < 6 else 1
    span = sides * (bar + gap) - gap + MARGIN
    bins = [[counts[index] for counts in lengths.counts] for index in range(len(lengths.edges))]
    last = max(index for index, counts in enumerate(bins) if any(counts)) + 1
    most, floor = max(map(max, bins)), HEIGHT - BOTTOM
    medians = "; ".join(f"{name}: median {median:g}" for name, median in zip(names, lengths.median, strict=True))
    size = {"viewBox": f"0 0 {span * last} {HEIGHT}", "width": str(span * last), "height": str(HEIGHT)}
    image = Element("svg", {"class": "histogram", **size, "role": "img", "aria-label": f"Words in a text, {medians}"})
    for index, counts in enumerate(bins[:last]):
        words = name_of(lengths.edges, index)
        for side, number in enumerate(counts):
            height = (floor - TOP) * number / most
            x = index * span + MARGIN / 2 + side * (bar + gap)
            shape = {"x": f"{x + 0.5:.1f}", "y": f"{floor - height:.1f}", "width": str(bar - 1), "height": f"{height:.1f}"}
            drawn = SubElement(image, "rect", {"class": "side", "fill-opacity": f"{darkness(side, sides):.2f}", **shape})
            SubElement(drawn, "title").text = f"{names[side]}: {number:,} texts of {words} words"
        middle = {"x": f"{(index + 0.5) * span:.0f}", "text-anchor": "middle"}
        SubElement(image, "text", {**middle, "y": str(HEIGHT - 6)}).text = words
        above = floor - (floor - TOP) * max(counts) / most - 5
        SubElement(image, "text", {**middle, "y": f"{above:.1f}"}).text = short(sum(counts))
    SubElement(image, "path", {"d": f"M0 {floor}.5H{span * last}", "class": "floor"})
    return tostring(image, encoding="unicode")


def name_of(edges: tuple[int, ...], index: int) -> str:
    """0–4, 5–9, … 1000+"""
    return f"{edges[index]}–{edges[index + 1] - 1}" if index + 1 < len(edges) else f"{edges[index]}+"


def short(number: int) -> str:
    """950, 1.2k, 12k"""
    if number < 1000:
        return str(number) if number else ""
    return f"{number / 1000:.1f}k" if number < 9950 else f"{number / 1000:.0f}k"
