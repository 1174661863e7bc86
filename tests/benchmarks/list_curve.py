"""The cost curve of lists, for the documentation: python -m tests.benchmarks.list_curve FIGURES.json ... docs/lists.svg.

The figures are those that tests.benchmarks.lists --write stores. Both axes are logarithmic.
"""

import json
import math
import sys
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 64, 180, 24, 48
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#555}path{fill:none;stroke-width:2}.grid{stroke:#ddd;stroke-width:1}"
    ".goal{stroke:#999;stroke-dasharray:5 4;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#bbb}.grid{stroke:#444}.goal{stroke:#888}}"
)
COLOURS = (
    *("#8b2c66", "#0072b2", "#009e73", "#d55e00", "#767676", "#56b4e9", "#b8860b"),
    *("#cc79a7", "#5f4bb6", "#7a5c3e"),
)
LINE = 16
"""Height of a name."""

LEAST, MOST = 1.0, 1000.0
"""Milliseconds at both ends of the axis."""

GOALS = ((10_000, 100), (100_000, 200))
"""Experiments, and the milliseconds that a page may take with them."""


def drawn(figures: list[dict[str, float | str]]) -> str:
    sizes = sorted({float(figure["experiments"]) for figure in figures})
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: float) -> float:
        return LEFT + (math.log10(size) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(milliseconds: float) -> float:
        share = math.log10(milliseconds / LEAST) / math.log10(MOST / LEAST)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    image = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img"})
    SubElement(image, "title").text = "Milliseconds of the processor by number of experiments, for each page"
    SubElement(image, "style").text = STYLE
    for tick in (1, 10, 100, 1000):
        SubElement(image, "path", {"class": "grid", "d": f"M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"})
        _text(image, LEFT - 8, y(tick) + 4, f"{tick:,} ms", "end")
    for size in sizes:
        _text(image, x(size), HEIGHT - BOTTOM + 22, f"{size:,.0f}", "middle")
    _text(image, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "experiments, ten runs each", "middle")
    for size, goal in GOALS:
        if size <= sizes[-1]:
            SubElement(image, "path", {"class": "goal", "d": f"M{x(size) - 28:.1f} {y(goal):.1f}h56"})
    ends: list[tuple[float, str, str]] = []
    for name, colour in zip(dict.fromkeys(str(figure["page"]) for figure in figures), COLOURS, strict=True):
        points = [(float(row["experiments"]), float(row["milliseconds"])) for row in figures if row["page"] == name]
        path = "L".join(f"{x(size):.1f} {y(cost):.1f}" for size, cost in points)
        SubElement(image, "path", {"stroke": colour, "d": f"M{path}"})
        ends.append((y(points[-1][1]), name, colour))
    place = math.inf
    for end, name, colour in sorted(ends, reverse=True):  # from below, each name above the one before
        place = min(end, place - LINE)
        _text(image, WIDTH - RIGHT + 16, place + 4, name, "start")
        SubElement(
            image, "path", {"stroke": colour, "d": f"M{WIDTH - RIGHT + 1:.1f} {end:.1f}L{WIDTH - RIGHT + 13:.1f} {place:.1f}"}
        )
    indent(image)
    return tostring(image, encoding="unicode") + "\n"


def _text(image: Element, x: float, y: float, text: str, anchor: str) -> None:
    SubElement(image, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}).text = text


if __name__ == "__main__":
    *files, picture = map(Path, sys.argv[1:])
    picture.write_text(drawn([figure for file in files for figure in json.loads(file.read_text())]))
