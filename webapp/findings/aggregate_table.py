"""The methods of a comparison over all its places, as a table of numbers."""

from training.metrics.intervals import Estimate
from webapp.charts.numbers import points, rate
from webapp.findings.comparing import Comparison, Line
from webapp.findings.number_table import (
    EMPTY,
    Cell,
    Column,
    NumberTable,
    Value,
    difference,
    p_value,
    plain,
    share,
    whole_number,
    word,
)
from webapp.findings.wording import count, lower


def aggregate_table(comparison: Comparison) -> NumberTable:
    """Return a row for each method."""
    over = f"Over {lower(comparison.baseline_title)}"
    compared = [f"{over}, points", "Data sets better", "Data sets worse", "Paired t, p", "Wilcoxon, p"]
    titles = ["Median PGR", "Pairs with a PGR", "Mean gain, points", *(compared if comparison.baseline else [])]
    return NumberTable(
        "methods",
        "Methods in aggregate",
        [Column("Method", right=False), *map(Column, titles)],
        [[*_alone(line), *(_over(line, comparison.baseline_title) if comparison.baseline else [])] for line in comparison.lines],
        f"Methods over {comparison.words}; each data set counts once, by the mean of its pairs. The median of PGR is over data "
        "sets with a resolved gap; in brackets, from five of them on, its 95% interval from resampling them. Differences from "
        "the baseline have 95% t intervals over data sets; p of the t test is adjusted by Holm’s method.",
    )


def _alone(line: Line) -> list[Cell]:
    resolved: dict[str, Value] = {"": line.resolved, "of": len(line.cells), "left out": line.left_out}
    return [
        plain(line.title, style=line.style.token),
        _median(line.median) if line.median else word("none"),
        Cell(f"{line.resolved} of {len(line.cells)}", values=resolved, detail=line.left_out),
        EMPTY if line.gain is None else _gain(line.gain, line.gains),
    ]


def _median(median: Estimate) -> Cell:
    """Return the median; its interval only where there is one, since an open end would mean infinity."""
    return share(median, 2) if median.low is not None else Cell(rate(median.value, 2), values={"": median.value})


def _gain(gain: float, pairs: int) -> Cell:
    return Cell(points(gain), values={"": 100 * gain, "of": pairs}, detail=count(pairs, "pair"))


def _over(line: Line, baseline: str) -> list[Cell]:
    over = line.over
    if over is None:
        return [word("baseline") if line.title == baseline else EMPTY, *[EMPTY] * 4]
    return [
        difference(over.mean) if over.mean else EMPTY,
        whole_number(over.better),
        whole_number(over.worse),
        p_value(line.p) if line.p is not None else word("too few"),
        p_value(over.wilcoxon) if over.wilcoxon is not None else word("too few"),
    ]
