"""The section of a report about one pair, with figures and tables numbered through the page."""

from collections.abc import Iterator, Sequence
from typing import Any

from webapp.charts.chart_data import decomposition_rows, gap_rows
from webapp.charts.live import live_chart
from webapp.experiments.stored_events import UNREADABLE
from webapp.findings.curves import curves
from webapp.findings.findings import Findings
from webapp.findings.pairs import Lane
from webapp.findings.tables import AccuracyLine
from webapp.reports.report import AgreementLine, Chart, DifferenceLine, Line, Mark, Section, SeedLine

DRAWN = ("series", "seed", "total", "step", "metric", "value")
"""The columns of the curves' rows that their chart reads."""

UNDEFINED = {"incomplete": "incomplete", "saturated": "undefined", "inverted": "undefined", "unresolved": "unresolved"}

GAP = (
    "Bars extend from the weak supervisor to the strong ceiling; the filled part is the student’s gain. Whiskers are paired 95% "
    "intervals of PGR over {sources}, drawn on the accuracy axis. Pale bands are the intervals of supervisor and ceiling."
)
NO_GAP = (
    "Supervisor and ceiling are not far enough apart for a PGR. Pale bands are their 95% intervals; whiskers are those of the "
    "students’ accuracy."
)
CURVES = (
    "{lines}; levels across the panel are supervisor and ceiling. Lines end at the last step; tables are at the step that the "
    "stop rule selected, which never uses the values shown here."
)
LINES = "Lines are means over seeds, bands their 95% intervals over seeds alone"
SINGLE_SEED = "Lines are of one seed"
DECOMPOSITION = (
    "Corrected errors of the supervisor to the right, new errors to the left, in points of test accuracy. The thick line is "
    "their sum, the student’s gain, with its 95% interval."
)


def section(findings: Findings, with_curves: bool, figures: Iterator[int], tables: Iterator[int]) -> Section:
    gap = _gap(findings, figures)
    table = next(tables)
    return Section(
        title=findings.pair.title,
        weak=findings.pair.weak_title,
        strong=findings.pair.strong_title,
        claim=findings.claim,
        further=tuple(findings.further),
        undefined=tuple(findings.unresolved),
        gap=gap,
        table=table,
        lines=tuple(map(line, findings.lines)),
        of=findings.seeds_text,
        seeds=tuple(SeedLine(seed=seed, values=tuple(cell.value for cell in cells)) for seed, cells in findings.by_seed),
        curves=_curves(findings, figures) if with_curves else None,
        decomposition=_decomposition(findings, figures),
        relations=next(tables),
        agreement=tuple(AgreementLine(mark=mark(lane), values=tuple(values)) for lane, values in findings.agreement),
        differences=tuple(
            DifferenceLine(
                what=difference.what, points=difference.points, interval=difference.interval, reading=difference.reading
            )
            for difference in findings.differences
        ),
        adjusted=findings.adjusted,
    )


def line(row: AccuracyLine) -> Line:
    return Line(
        mark=mark(row.lane),
        trained_on=row.lane.trained_on,
        accuracy=row.value,
        interval=row.interval,
        pgr=row.pgr,
        pgr_interval=UNDEFINED.get(row.pgr_interval, row.pgr_interval),
    )


def mark(lane: Lane) -> Mark:
    return Mark(token=lane.style.token, dash=lane.style.css_dash, title=lane.title, model=lane.model_title)


def _gap(findings: Findings, figures: Iterator[int]) -> Chart | None:
    if findings.gap is None:
        return None
    title, caption = (
        ("Recovered gap.", GAP.format(sources=findings.sources)) if findings.resolved else ("Supervisor and ceiling.", NO_GAP)
    )
    return _chart(
        f"gap-{findings.pair.index}", figures, title, caption, findings.gap, gap_rows(findings.groups, findings.outcomes)
    )


def _curves(findings: Findings, figures: Iterator[int]) -> Chart | None:
    """Return the figure of the curves; None while a file with their events cannot be read, with which nothing is frozen."""
    try:
        rows = list(curves(findings.lanes))
    except UNREADABLE:
        return None
    spec = live_chart([lane.series for lane in findings.lanes.lanes], findings.lanes.total_steps, findings.lanes.seeds)
    about = {**spec["usermeta"]["curves"], "steps": False}  # the caption says what is drawn
    spec = {**spec, "usermeta": {**spec["usermeta"], "curves": about}}
    caption = CURVES.format(lines=LINES if findings.lanes.seeds > 1 else SINGLE_SEED)
    return _chart(f"curves-{findings.pair.index}", figures, "Training.", caption, spec, rows, DRAWN)


def _decomposition(findings: Findings, figures: Iterator[int]) -> Chart | None:
    spec, name = findings.decomposition, f"decomposition-{findings.pair.index}"
    if spec is None:
        return None
    return _chart(name, figures, "Where the gain comes from.", DECOMPOSITION, spec, decomposition_rows(findings.groups))


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
