"""A result page as plain data: all that it says, and nothing that has to be looked up to show it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from webapp.findings.claims import Claim, Note
from webapp.reports.choices import Examples

Value = str | int | float | None


class Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Chart(Plain):
    """A Vega-Lite spec as static/js/charts.js draws it, with the rows that it was made from: a value for each of ``columns``."""

    name: str
    """Unique on the page: gap-0, curves-0, decomposition-0; the number is the pair's."""
    number: int
    title: str
    caption: str
    spec: dict[str, Any]
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    filled: tuple[str, ...] = ()
    """The columns that a spec without data of its own, such as that of the curves, is filled with."""

    @property
    def table(self) -> list[dict[str, Value]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def data(self) -> list[dict[str, Value]]:
        """What the spec is to be filled with."""
        return [{name: row[name] for name in self.filled} for row in self.table] if self.filled else []

    @property
    def drawn(self) -> dict[str, Any]:
        """The spec with its data inside."""
        return {**self.spec, "datasets": {self.spec["data"]["name"]: self.data}} if self.filled else self.spec


class Mark(Plain):
    """Who a line is about, and how it is drawn everywhere: ``token`` names its CSS properties."""

    token: str
    dash: str
    title: str
    model: str = ""


class Line(Plain):
    """A row of the main table. ``pgr`` is empty where it is undefined; then ``pgr_interval`` has the word for it."""

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
    """What was found about one pair of models."""

    title: str
    weak: str
    strong: str
    claim: Claim
    further: tuple[str, ...]
    undefined: tuple[Note, ...]
    """Why a PGR has no number."""
    gap: Chart | None
    table: int
    lines: tuple[Line, ...]
    of: str
    """What the numbers of the table are means over."""
    seeds: tuple[SeedLine, ...]
    curves: Chart | None
    decomposition: Chart | None
    relations: int
    agreement: tuple[AgreementLine, ...]
    differences: tuple[DifferenceLine, ...]
    adjusted: bool
    """Whether p values know that there are several comparisons."""

    @property
    def charts(self) -> list[Chart]:
        return [chart for chart in (self.gap, self.curves, self.decomposition) if chart]


class LockedLine(Plain):
    """A line of the main table on the locked test set, with what stands there beside it."""

    line: Line
    test: Line


class LockedPart(Plain):
    title: str
    lines: tuple[LockedLine, ...]
    undefined: tuple[Note, ...]


class Locked(Plain):
    """What came out on the locked test set, opened once for this page: ``rows`` examples, and when it was opened before."""

    table: int
    rows: int
    parts: tuple[LockedPart, ...]
    before: tuple[str, ...]
    """Days on which result pages opened the same rows."""


class Answer(Plain):
    """What one model says of an example; ``probability`` is that of the label that it gives."""

    mark: Mark
    label: str
    probability: str
    right: bool


class Shown(Plain):
    """A test example that the author chose."""

    example: int
    texts: tuple[str, ...]
    gold: str
    answers: tuple[Answer, ...]
    note: str
    cell: str = ""
    """One of webapp.cell_names.eight_cells; empty in versions frozen before pages said it."""


class Paragraph(Plain):
    title: str
    text: str


class Source(Plain):
    text: str
    bibtex: str
    address: str = ""


class Trained(Plain):
    """One run: whose it is, and the key by which it can be trained again."""

    role: str
    model: str
    seed: int
    key: str
    state: str


class Provenance(Plain):
    """What somebody needs to make the same numbers again."""

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


class Paper(Plain):
    """``version``, ``frozen``, ``archive`` and ``content`` are filled by who freezes it; a live one has none of them."""

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
    """SHA-256 of all that was frozen, this page included."""
    examples: Examples
    claim: Claim
    further: tuple[str, ...]
    overview: int | None
    """Number of the table of all pairs, None where there is one pair."""
    sections: tuple[Section, ...]
    locked: Locked | None = None
    highlights: tuple[Shown, ...]
    notes: str
    """Sanitised HTML."""
    method: tuple[Paragraph, ...]
    limitations: tuple[Note, ...]
    provenance: Provenance
    sources: tuple[Source, ...]

    @property
    def claim_text(self) -> str:
        """The claim as one line of plain text."""
        parts = [self.claim.before, f"{self.claim.number} {self.claim.interval}".strip()]
        return " ".join(filter(None, parts)) + self.claim.after

    @property
    def text(self) -> str:
        """All that the page says, with its markup, in one string."""
        return self.model_dump_json()

    @property
    def charts(self) -> dict[str, Chart]:
        return {chart.name: chart for section in self.sections for chart in section.charts}

    @property
    def day(self) -> str:
        """When it was frozen; of a live one when its trainings ended or began."""
        return self.frozen or self.provenance.ended or self.provenance.launched
