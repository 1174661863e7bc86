"""What was found about one pair, with its figures and tables numbered through the page."""

from collections.abc import Iterator, Sequence
from typing import Any

from webapp.charts.chart_data import decomposition_rows, gap_rows
from webapp.charts.live import live_chart
from webapp.findings.curves import curves
from webapp.findings.findings import Findings
from webapp.findings.pairs import Lane
from webapp.findings.tables import AccuracyLine
from webapp.reports.report import AgreementLine, Chart, DifferenceLine, Line, Mark, Section, SeedLine

DRAWN = ("series", "seed", "total", "step", "metric", "value")
"""The columns of the curves' rows that their chart reads."""

UNDEFINED = {"incomplete": "incomplete", "saturated": "undefined", "inverted": "undefined", "unresolved": "unresolved"}

GAP = (
    "Bars run from the weak supervisor to the strong ceiling; the filled part is the student’s gain. Whiskers are 95% "
    "intervals of PGR, paired, over {sources}, drawn on the accuracy axis. Pale bands are the intervals of the "
    "two ends."
)
NO_GAP = (
    "The two ends are not far enough apart for a PGR. Pale bands are 95% intervals of supervisor and ceiling; whiskers are "
    "intervals of the students’ accuracy."
)
CURVES = (
    "{lines}; levels across the panel are supervisor and ceiling. Lines end at the last step, tables have the step that the stop "
    "rule chose, and it never looks at what is shown here."
)
LINES = "Lines are means over seeds, bands their 95% intervals over seeds alone"
ONE_SEED = "Lines are of one seed"
DECOMPOSITION = (
    "Corrected errors of the supervisor to the right, new errors to the left, in points of test accuracy. The thick line is "
    "their sum, the student’s gain, with its 95% interval."
)


def section(found: Findings, with_curves: bool, figures: Iterator[int], tables: Iterator[int]) -> Section:
    gap = _gap(found, figures)
    table = next(tables)
    return Section(
        title=found.pair.title,
        weak=found.pair.weak_title,
        strong=found.pair.strong_title,
        claim=found.claim,
        further=tuple(found.further),
        undefined=tuple(found.unresolved),
        gap=gap,
        table=table,
        lines=tuple(map(line, found.lines)),
        of=found.seeds_text,
        seeds=tuple(SeedLine(seed=seed, values=tuple(cell.value for cell in cells)) for seed, cells in found.by_seed),
        curves=_curves(found, figures) if with_curves else None,
        decomposition=_decomposition(found, figures),
        relations=next(tables),
        agreement=tuple(AgreementLine(mark=mark(lane), values=tuple(values)) for lane, values in found.agreement),
        differences=tuple(
            DifferenceLine(what=one.what, points=one.points, interval=one.interval, reading=one.reading)
            for one in found.differences
        ),
        adjusted=found.adjusted,
    )


def line(one: AccuracyLine) -> Line:
    return Line(
        mark=mark(one.lane),
        trained_on=one.lane.trained_on,
        accuracy=one.value,
        interval=one.interval,
        pgr=one.pgr,
        pgr_interval=UNDEFINED.get(one.pgr_interval, one.pgr_interval),
    )


def mark(lane: Lane) -> Mark:
    return Mark(token=lane.look.token, dash=lane.look.css_dash, title=lane.title, model=lane.model_title)


def _gap(found: Findings, figures: Iterator[int]) -> Chart | None:
    if found.gap is None:
        return None
    title, caption = ("Recovered gap.", GAP.format(sources=found.sources)) if found.resolved else ("The two ends.", NO_GAP)
    return _chart(f"gap-{found.pair.index}", figures, title, caption, found.gap, gap_rows(found.groups, found.outcomes))


def _curves(found: Findings, figures: Iterator[int]) -> Chart:
    spec = live_chart([lane.series for lane in found.lanes.lanes], found.lanes.total_steps, found.lanes.seeds)
    caption = CURVES.format(lines=LINES if found.lanes.seeds > 1 else ONE_SEED)
    return _chart(f"curves-{found.pair.index}", figures, "Training.", caption, spec, curves(found.lanes), DRAWN)


def _decomposition(found: Findings, figures: Iterator[int]) -> Chart | None:
    spec, name = found.decomposition, f"decomposition-{found.pair.index}"
    if spec is None:
        return None
    return _chart(name, figures, "Where the gain comes from.", DECOMPOSITION, spec, decomposition_rows(found.groups))


def _chart(
    name: str,
    figures: Iterator[int],
    title: str,
    caption: str,
    spec: dict[str, Any],
    rows: Sequence[dict[str, Any]],
    filled: tuple[str, ...] = (),
) -> Chart:
    columns = tuple(rows[0]) if rows else ()
    table = tuple(tuple(row[column] for column in columns) for row in rows)
    return Chart(
        name=name, number=next(figures), title=title, caption=caption, spec=spec, columns=columns, rows=table, filled=filled
    )
