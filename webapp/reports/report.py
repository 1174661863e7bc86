"""A report as plain data: all that its page shows, complete without any look-up."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from webapp.charts.chess_figure import Written
from webapp.charts.styles import Style
from webapp.findings.claims import Claim, Note
from webapp.reports.choices import Examples

Value = str | int | float | None


class Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Chart(Plain):
    """A Vega-Lite spec for static/js/charts.js, with the rows that it was made from: one value for each of ``columns``."""

    name: str
    """Unique on the page: gap-0, curves-0, decomposition-0; the number is the pair's."""
    number: int
    title: str
    caption: str
    spec: dict[str, Any]
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    filled: tuple[str, ...] = ()
    """The columns with which a spec without own data, such as that of the curves, is filled."""

    @property
    def table(self) -> list[dict[str, Value]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def data(self) -> list[dict[str, Value]]:
        """Return the rows with which the spec is filled."""
        return [{name: row[name] for name in self.filled} for row in self.table] if self.filled else []

    @property
    def drawn(self) -> dict[str, Any]:
        """Return the spec including its data."""
        return {**self.spec, "datasets": {self.spec["data"]["name"]: self.data}} if self.filled else self.spec


class Mark(Plain):
    """The subject of a line and its style, the same everywhere: ``token`` names its CSS properties."""

    token: str
    dash: str
    title: str
    model: str = ""


class Line(Plain):
    """A row of the main table. If PGR is undefined, ``pgr`` is empty and ``pgr_interval`` has the state."""

    mark: Mark
    trained_on: str
    accuracy: str
    interval: str
    pgr: str
    pgr_interval: str


class SeedLine(Plain):
    seed: int
    values: tuple[str, ...]


class AgreementLine(Plain):
    """Agreement with the supervisor overall, where it is right, and where it is wrong, each with its interval."""

    mark: Mark
    values: tuple[tuple[str, str], ...]


class DifferenceLine(Plain):
    what: str
    points: str
    interval: str
    reading: str


class Section(Plain):
    """The findings about one pair of models."""

    title: str
    weak: str
    strong: str
    claim: Claim
    further: tuple[str, ...]
    undefined: tuple[Note, ...]
    """The reasons why a PGR has no number."""
    gap: Chart | None
    table: int
    lines: tuple[Line, ...]
    of: str
    """The seeds over which the numbers of the table are means."""
    seeds: tuple[SeedLine, ...]
    curves: Chart | None
    decomposition: Chart | None
    relations: int
    agreement: tuple[AgreementLine, ...]
    differences: tuple[DifferenceLine, ...]
    adjusted: bool
    """The p values are adjusted for several comparisons."""

    @property
    def charts(self) -> list[Chart]:
        return [chart for chart in (self.gap, self.curves, self.decomposition) if chart]


class LockedLine(Plain):
    """A line of the main table on the locked test set, and the same line on the test set."""

    line: Line
    test: Line


class LockedPart(Plain):
    title: str
    lines: tuple[LockedLine, ...]
    undefined: tuple[Note, ...]


class Locked(Plain):
    """The results on the ``rows`` examples of the locked test set, opened once for this page."""

    table: int
    rows: int
    parts: tuple[LockedPart, ...]
    before: tuple[str, ...]
    """Days on which reports opened the same rows before."""


class Answer(Plain):
    """The answer of one model to an example: its label with its probability, or what it wrote with its log-probability."""

    mark: Mark
    label: str
    probability: str = ""
    log_probability: str = ""
    right: bool


class Board(Plain):
    """The position of a chess puzzle with its legal moves: the columns of its data set."""

    fen: str
    legal_san: str | tuple[str, ...]
    legal_uci: str | tuple[str, ...]
    last_move: str | None = None


class Shown(Plain):
    """A test example that the author chose."""

    example: int
    texts: tuple[str, ...]
    gold: str
    answers: tuple[Answer, ...]
    note: str
    cell: str = ""
    """One of webapp.cell_names.eight_cells; empty in versions frozen before reports had it."""
    board: Board | None = None
    picture: str = ""
    """The thumbnail of an image, as an address that contains it."""

    @property
    def row(self) -> dict[str, Any]:
        """Return the columns of its board, empty without one."""
        return self.board.model_dump() if self.board else {}

    @property
    def moves(self) -> list[Written]:
        """Return the answers as the moves of a board."""
        return [
            Written(answer.mark.title, Style(answer.mark.token, answer.mark.dash), answer.label, answer.right)
            for answer in self.answers
        ]

    @property
    def written(self) -> bool:
        """Return whether the answers are written ones."""
        return any(answer.log_probability for answer in self.answers)


class ConfusedLine(Plain):
    """``number`` of ``of_gold`` examples of a class get another label, ``shared`` of these the same one by the supervisor."""

    gold: str
    label: str
    number: int
    of_gold: int
    shared: int


class Confused(Plain):
    """The most frequent confusions of a student among many classes."""

    table: int
    supervisor: Mark
    student: Mark
    classes: int
    lines: tuple[ConfusedLine, ...]


class Paragraph(Plain):
    title: str
    text: str


class Source(Plain):
    text: str
    bibtex: str
    address: str = ""


class Trained(Plain):
    """One run: its role, model and seed, and the key by which it can be trained again."""

    role: str
    model: str
    seed: int
    key: str
    state: str


class Provenance(Plain):
    """The data that somebody needs to reproduce the numbers."""

    made_by: str
    launched: str
    ended: str
    engine: int
    spec: dict[str, Any]
    versions: dict[str, str]
    devices: tuple[str, ...]
    datasets: dict[str, str]
    """Name and SHA-256 of the data."""
    seeds: tuple[int, ...]
    runs: tuple[Trained, ...]
    exclusions: tuple[str, ...]
    origin: str = ""


class Report(Plain):
    """A report. Freezing sets ``version``, ``frozen``, ``archive`` and ``content``; a live report has none of them."""

    format: Literal[1] = 1
    experiment: int
    name: str
    title: str
    authors: str
    live: bool = True
    version: int | None = None
    frozen: str = ""
    """The day, 2026-11-23."""
    archive: str = ""
    """SHA-256 of the experiment's archive."""
    content: str = ""
    """SHA-256 of everything that was frozen, this report included."""
    examples: Examples
    claim: Claim
    further: tuple[str, ...]
    overview: int | None
    """Number of the table of all pairs, None for a single pair."""
    sections: tuple[Section, ...]
    locked: Locked | None = None
    confused: Confused | None = None
    highlights: tuple[Shown, ...]
    notes: str
    """Sanitised HTML."""
    method: tuple[Paragraph, ...]
    limitations: tuple[Note, ...]
    provenance: Provenance
    sources: tuple[Source, ...]

    @property
    def claim_text(self) -> str:
        """Return the claim as one line of plain text."""
        parts = [self.claim.before, f"{self.claim.number} {self.claim.interval}".strip()]
        return " ".join(filter(None, parts)) + self.claim.after

    @property
    def text(self) -> str:
        """Return all text of the page, with its markup, in one string."""
        return self.model_dump_json()

    @property
    def charts(self) -> dict[str, Chart]:
        return {chart.name: chart for section in self.sections for chart in section.charts}

    @property
    def day(self) -> str:
        """Return the day of freezing; for a live report the day on which its training ended or began."""
        return self.frozen or self.provenance.ended or self.provenance.launched
