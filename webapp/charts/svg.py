"""Small SVG drawings for rows of lists and tables, made on the server: colours and dashes come from CSS classes.

Every mark has the class ``mark`` and that of its role (weak, naive, conf or strong); static/css/charts.css has their styles.
"""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 # builds XML, reads none

from training.metrics.agreement import Accuracy
from training.metrics.results import Group
from webapp.charts.numbers import rate, rate_interval
from webapp.charts.styles import CEILING, WEAK, Style, student_styles

WIDTH = 180
LEFT, RIGHT = -0.25, 1.25
"""PGR at both edges of the list's axis; an interval that goes beyond ends in an arrow."""

PITCH, HEIGHT, ABOVE = 13, 60, 10
"""Pixels from method to method in the list, of a row with few methods, and above the first method."""
STUB = 12
"""Least length of a line with an arrow, so that an interval entirely beyond the axis is visible."""

INSET = 7
"""Pixels of an arrow or half a dot at the edge."""


def pgr_row(groups: Sequence[Group], width: int = WIDTH) -> str:
    """Return PGR and interval of every method of one pair, one below the other; the lines at 0, .5 and 1 continue between rows.

    The height depends on the number of methods; each has a tooltip. Provisional groups are pale. An unresolved group has no point
    but a line with arrows at both ends. A group whose PGR is undefined, or that has no complete seed, has no mark.
    """
    shown = [
        (group, style) for group, style in zip(groups, student_styles([g.method for g in groups]), strict=True) if group.seeds
    ]
    height = max(HEIGHT, 2 * ABOVE + PITCH * (len(shown) - 1))
    image = _image(width, height, "; ".join(_words(group) for group, _ in shown) or "no result yet")
    for tick in (0.0, 0.5, 1.0):
        _line(image, f"M{_pgr_x(tick, width):.1f} 0V{height}", "grid zero" if tick == 0 else "grid")
    for index, (group, style) in enumerate(shown):
        y = height / 2 + PITCH * (index - (len(shown) - 1) / 2)
        mark = SubElement(image, "g", {"class": f"mark {style.token}" + (" provisional" if group.provisional else "")})
        SubElement(mark, "title").text = _words(group)
        _line(mark, f"M0 {y:.1f}H{width}", "pointed")
        pgr = group.pgr
        if pgr is None or pgr.low is None or pgr.high is None:
            if group.state == "unresolved":
                _whisker(mark, y, 0, width, True, True, style, width)
            continue
        low, point, high = (_pgr_x(value, width) for value in (pgr.low, pgr.value, pgr.high))
        _whisker(mark, y, low, high, low < 0, high > width, style, width)
        if INSET <= point <= width - INSET:
            SubElement(mark, "circle", {"cx": f"{point:.1f}", "cy": f"{y:.1f}", "r": "4"})
    return tostring(image, encoding="unicode")


def pgr_axis(width: int = WIDTH, height: int = 18) -> str:
    """Return the numbers 0, .5 and 1 above the rows."""
    return _axis([(_pgr_x(tick, width), text) for tick, text in ((0.0, "0"), (0.5, ".5"), (1.0, "1"))], width, height)


def accuracies(groups: Sequence[Group]) -> Iterator[tuple[Accuracy, Style]]:
    """Return the rows of one pair's accuracy table in order: supervisor, the student of every method, ceiling."""
    styles = student_styles([group.method for group in groups])
    best = max(groups, key=lambda group: len(group.seeds))
    rows = [
        (best.weak, WEAK),
        *((group.student, style) for group, style in zip(groups, styles, strict=True)),
        (best.ceiling, CEILING),
    ]
    return ((accuracy, style) for accuracy, style in rows if accuracy is not None)


def accuracy_range(groups: Sequence[Group]) -> tuple[float, float]:
    """Return the shared axis of these rows: all intervals and seeds with a margin, or 0 to 1 if there are none."""
    values = [v for row, _ in accuracies(groups) for v in (row.value, row.low, row.high, *row.per_seed) if v is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.01
    return low - margin, high + margin


def accuracy_row(accuracy: Accuracy, style: Style, low: float, high: float, width: int = 300, height: int = 34) -> str:
    """Return the mean as a tick, its interval as a line and every seed as a small tick, on the axis from ``low`` to ``high``."""

    def x(value: float) -> float:
        return width * (value - low) / (high - low)

    image = _image(width, height, f"{rate(accuracy.value)} {rate_interval(accuracy)}")
    for tick in ticks(low, high):
        _line(image, f"M{x(tick):.1f} 0V{height}", "grid")
    mark = SubElement(image, "g", {"class": f"mark {style.token}"})
    SubElement(mark, "title").text = f"{rate(accuracy.value)} {rate_interval(accuracy)}, " + _seeds(accuracy.per_seed)
    _line(mark, f"M0 {height / 2:.0f}H{width}", "pointed row")
    ends = [x(accuracy.value if end is None else end) for end in (accuracy.low, accuracy.high)]
    _whisker(mark, 14, ends[0], ends[1], False, False, style, width)
    _line(mark, f"M{x(accuracy.value):.1f} 7V21", "mean")
    for seed in accuracy.per_seed:
        _line(mark, f"M{x(seed):.1f} 24v6", "seed")
    return tostring(image, encoding="unicode")


def _seeds(per_seed: Sequence[float]) -> str:
    return f"seed{'s' if len(per_seed) > 1 else ''} {', '.join(map(rate, per_seed))}"


def accuracy_axis(low: float, high: float, width: int = 300, height: int = 14) -> str:
    return _axis([(width * (tick - low) / (high - low), rate(tick, 2)) for tick in ticks(low, high)], width, height)


def ticks(low: float, high: float) -> list[float]:
    """Return three to six round numbers between the two."""
    step = next((step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if (high - low) / step <= 6), 0.5)
    first = int(low / step) + 1
    return [round(step * n, 2) for n in range(first, first + 7) if step * n < high]


def _pgr_x(value: float, width: int) -> float:
    return INSET + (width - 2 * INSET) * (value - LEFT) / (RIGHT - LEFT)


def _words(group: Group) -> str:
    return f"{group.method}: PGR {f'{rate(group.pgr.value, 2)} {rate_interval(group.pgr, 2)}' if group.pgr else group.state}"


def _image(width: int, height: int, label: str) -> Element:
    size = {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"}
    return Element("svg", {"class": "estimates", **size, "role": "img", "aria-label": label})


def _line(parent: Element, path: str, name: str, dash: str = "") -> None:
    SubElement(parent, "path", {"class": name, "d": path, **({"stroke-dasharray": dash} if dash else {})})


def _whisker(mark: Element, y: float, low: float, high: float, left: bool, right: bool, style: Style, width: int) -> None:
    """Add the line of an interval; an end that is open or beyond the axis is cut there and has an arrow."""
    start = 0.0 if left else min(low, width - STUB) if right else low
    end = float(width) if right else max(high, STUB) if left else high
    _line(
        mark, f"M{start:.1f} {y:.1f}H{end:.1f}", "whisker", " ".join(map(str, style.dash)) if isinstance(style.dash, list) else ""
    )
    if left:
        _line(mark, f"M5 {y - 3.5:.1f}L0 {y:.1f}L5 {y + 3.5:.1f}", "arrow")
    if right:
        _line(mark, f"M{width - 5} {y - 3.5:.1f}L{width} {y:.1f}L{width - 5} {y + 3.5:.1f}", "arrow")


def _axis(labels: Sequence[tuple[float, str]], width: int, height: int) -> str:
    image = Element("svg", {"class": "estimates axis", "width": str(width), "height": str(height), "aria-hidden": "true"})
    for x, text in labels:
        SubElement(image, "text", {"x": f"{x:.1f}", "y": str(height - 4), "text-anchor": "middle"}).text = text
    return tostring(image, encoding="unicode")
