"""What the pages of data sets say: the list, one data set with its report, and a registered one that was not fetched."""

from dataclasses import dataclass
from functools import cached_property

from django.utils.safestring import SafeString, mark_safe

from training import catalog
from training.catalog import shelf
from training.catalog.registry import Registered
from training.catalog.report import Report
from webapp.charts.lengths import lengths_chart
from webapp.charts.numbers import rate
from webapp.imports.models import AT_WORK, Import, State
from webapp.pages.words import count


@dataclass(frozen=True)
class Line:
    """A data set that can be trained on now."""

    name: str
    title: str
    state: str
    rows: int
    meaning: str
    balance: str
    licence: str
    warnings: int


@dataclass(frozen=True)
class Waiting:
    """A registered data set that was not fetched; ``under_way`` is the import that fetches it, if one does."""

    name: str
    entry: Registered
    under_way: Import | None


@dataclass(frozen=True)
class DatasetList:
    lines: list[Line]
    waiting: list[Waiting]
    imports: list[Import]

    @property
    def under_way(self) -> bool:
        return any(one.at_work for one in self.imports)


def dataset_list() -> DatasetList:
    ready = catalog.ready_datasets()
    entries = [entry for name in ready if (entry := catalog.known_dataset(name))]
    lines = [
        Line(
            name=entry.name,
            title=entry.title,
            state="Embedded" if entry.name in catalog.DATASETS else "Ready",
            rows=entry.rows,
            meaning=f"{entry.positive} / {entry.negative}",
            balance=f"{100 * entry.report.balance:.0f}%" if entry.report else "",
            licence=entry.licence,
            warnings=len(entry.warnings),
        )
        for entry in entries
    ]
    open_ones = list(Import.objects.exclude(state=State.SAVED).select_related("owner"))
    fetching = {one.registered: one for one in open_ones if one.state in AT_WORK}
    waiting = [Waiting(name, entry, fetching.get(name)) for name, entry in catalog.REGISTERED.items() if name not in ready]
    return DatasetList(lines, waiting, open_ones)


@dataclass(frozen=True)
class Fact:
    title: str
    number: int
    text: str


class ReportView:
    """A report in words, tables and one drawing; ``zero`` and ``one`` are what the classes mean."""

    def __init__(self, report: Report, zero: str, one: str) -> None:
        self.report, self.zero, self.one = report, zero, one

    @property
    def rows(self) -> str:
        return count(self.report.counts.kept, "row")

    @property
    def balance(self) -> str:
        return f"{100 * self.report.balance:.1f}% {self.one}"

    @property
    def groups(self) -> str:
        largest = self.report.largest_group
        return f"{count(self.report.groups, 'group')}, the largest with {count(largest, 'row')}"

    @property
    def sides(self) -> tuple[str, str]:
        """Whose lengths are told apart: the two classes, or of pairs the rejected and the preferred texts."""
        return (self.zero, self.one) if self.report.texts == 1 else ("rejected", "preferred")

    @cached_property
    def lengths(self) -> SafeString:
        return mark_safe(lengths_chart(self.report.lengths, *self.sides))

    @property
    def medians(self) -> str:
        (of_zero, of_one), (zero, one) = self.report.lengths.median, self.sides
        return f"median {of_one:g} words of {one}, {of_zero:g} of {zero}"

    @property
    def facts(self) -> list[Fact]:
        """From the rows of the source to the rows that are kept."""
        counts = self.report.counts
        left_out = [
            Fact("Copies", counts.copies, "the same text again, but for case and spaces"),
            Fact("Conflicts", counts.conflicts, "texts with both labels"),
            Fact("Answers without a counterpart", counts.unequal, "so that each question has as many right as wrong ones"),
            Fact("Of the larger class", counts.unbalanced, "drawn by hash, so that both are equal"),
        ]
        return [
            Fact("Rows of the source", counts.read, ""),
            Fact("Labelled texts", counts.examples, ""),
            *(fact for fact in left_out if fact.number),
        ]

    @property
    def near(self) -> str:
        near = self.report.neighbours
        if not near.near:
            return f"None among {near.compared:,} texts."
        return f"{near.near:,} of {near.compared:,} texts ({near.share:.2%}) are nearly the same as a text of another group."

    @property
    def baselines(self) -> list[tuple[str, str, str, str, float]]:
        """Title, accuracy, interval, share of the larger class, and the accuracy in per cent for a bar."""
        return [
            (
                one.title.capitalize(),
                rate(one.accuracy),
                f"[{rate(one.low)}, {rate(one.high)}]",
                rate(one.majority),
                100 * one.accuracy,
            )
            for one in self.report.baselines
        ]

    @property
    def scored(self) -> str:
        """How the baselines were scored."""
        if not self.report.baselines:
            return "Too few rows or groups to train on some and score on others."
        scored = self.report.baselines[0].n
        return f"trained on {self.report.sampled - scored:,} texts, scored on {scored:,} of other groups"

    @property
    def samples(self) -> list[tuple[str, str]]:
        return [(self.one if sample.label else self.zero, "\n\nor\n\n".join(sample.texts)) for sample in self.report.samples]


class DatasetPage:
    """A data set that can be trained on."""

    def __init__(self, name: str) -> None:
        self.entry = catalog.dataset(name)
        self.card = shelf.get(name)
        found = self.entry.report
        self.report = ReportView(found, self.entry.negative, self.entry.positive) if found else None

    @property
    def state(self) -> str:
        return "Embedded" if self.entry.name in catalog.DATASETS else "Ready"
