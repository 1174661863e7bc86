"""How long the texts of both classes are, as a small drawing made on the server: colours come from static/css/charts.css."""

from xml.etree.ElementTree import Element, SubElement, tostring

from training.catalog.report import Lengths

BIN, BAR, GAP = 60, 22, 2
HEIGHT, TOP, BOTTOM = 132, 18, 22


def lengths_chart(lengths: Lengths, zero: str, one: str) -> str:
    """Two bars for each bin, class 0 as an outline and class 1 filled; empty bins at the end are left out. ``zero`` and ``one``
    are what the classes mean."""
    last = max(index for index in range(len(lengths.edges)) if lengths.zero[index] or lengths.one[index]) + 1
    most = max(*lengths.zero, *lengths.one)
    width = BIN * last
    label = f"Words in a text, {zero}: median {lengths.median[0]:g}; {one}: median {lengths.median[1]:g}"
    size = {"viewBox": f"0 0 {width} {HEIGHT}", "width": str(width), "height": str(HEIGHT)}
    image = Element("svg", {"class": "histogram", **size, "role": "img", "aria-label": label})
    floor = HEIGHT - BOTTOM
    for index in range(last):
        left = index * BIN + (BIN - 2 * BAR - GAP) / 2
        for place, (side, counts) in enumerate((("zero", lengths.zero), ("one", lengths.one))):
            height = (floor - TOP) * counts[index] / most
            x = left + place * (BAR + GAP)
            shape = {"x": f"{x + 0.5:.1f}", "y": f"{floor - height:.1f}", "width": str(BAR - 1), "height": f"{height:.1f}"}
            bar = SubElement(image, "rect", {"class": side, **shape})
            meaning = one if side == "one" else zero
            SubElement(bar, "title").text = f"{meaning}: {counts[index]:,} texts of {name_of(lengths.edges, index)} words"
        middle = {"x": f"{index * BIN + BIN / 2:.0f}", "text-anchor": "middle"}
        SubElement(image, "text", {**middle, "y": str(HEIGHT - 6)}).text = name_of(lengths.edges, index)
        SubElement(
            image,
            "text",
            {**middle, "y": f"{floor - (floor - TOP) * max(lengths.zero[index], lengths.one[index]) / most - 5:.1f}"},
        ).text = short(lengths.zero[index] + lengths.one[index])
    SubElement(image, "path", {"d": f"M0 {floor}.5H{width}", "class": "floor"})
    return tostring(image, encoding="unicode")


def name_of(edges: tuple[int, ...], index: int) -> str:
    """0–4, 5–9, … 1000+"""
    return f"{edges[index]}–{edges[index + 1] - 1}" if index + 1 < len(edges) else f"{edges[index]}+"


def short(number: int) -> str:
    """950, 1.2k, 12k"""
    if number < 1000:
        return str(number) if number else ""
    return f"{number / 1000:.1f}k" if number < 9950 else f"{number / 1000:.0f}k"
