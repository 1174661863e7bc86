"""The content of the pages of data sets: the list, a data set with its report, and a registered one."""

from dataclasses import dataclass

from training import catalog
from training.catalog import library
from training.catalog.check_report import Report
from training.catalog.registry import Registered
from webapp.imports.models import AT_WORK, Import, State
from webapp.pages.datasets.report_view import SHOWN_CLASSES, ReportView


@dataclass(frozen=True)
class Line:
    """A data set that can be trained on now."""

    name: str
    title: str
    state: str
    rows: int
    classes: str
    largest: str
    """Share of the largest class."""
    licence: str
    warnings: int


@dataclass(frozen=True)
class Waiting:
    """A registered data set that was not downloaded; ``under_way`` is the import that downloads it, if there is one."""

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
        return any(entry.at_work for entry in self.imports)


def dataset_list() -> DatasetList:
    ready = catalog.ready_datasets()
    entries = [entry for name in ready if (entry := catalog.known_dataset(name))]
    lines = [
        Line(
            name=entry.name,
            title=entry.title,
            state="Embedded" if entry.name in catalog.DATASETS else "Ready",
            rows=entry.rows,
            classes=_classes(entry.classes) or (f"answers: {entry.answers.title.lower()}" if entry.answers else ""),
            largest=_largest(entry.report),
            licence=entry.licence,
            warnings=len(entry.warnings),
        )
        for entry in entries
    ]
    open_ones = list(Import.objects.exclude(state=State.SAVED).select_related("owner"))
    fetching = {entry.registered: entry for entry in open_ones if entry.state in AT_WORK}
    waiting = [Waiting(name, entry, fetching.get(name)) for name, entry in catalog.REGISTERED.items() if name not in ready]
    return DatasetList(lines, waiting, open_ones)


FEW_CLASSES = 6
"""Number of classes that a list names."""


def _classes(names: tuple[str, ...]) -> str:
    """Return the names of a few classes, and the first and last with the number of many."""
    return " / ".join(names) if len(names) <= FEW_CLASSES else f"{len(names):,} classes, {names[0]} to {names[-1]}"


def _largest(report: Report | None) -> str:
    """Return the share of the largest class, or of the commonest answer."""
    if report is None:
        return ""
    if report.answers:
        return f"{100 * report.answers.commonest_rows / report.counts.kept:.0f}%"
    return f"{100 * max(report.shares):.0f}%"


class DatasetPage:
    """A data set that can be trained on."""

    def __init__(self, name: str) -> None:
        self.entry = catalog.dataset(name)
        self.card = library.get(name)
        report = self.entry.report
        self.report = ReportView(report, self.entry.classes) if report else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the description names; a report lists many of them."""
        return self.entry.classes if len(self.entry.classes) <= SHOWN_CLASSES else ()

    @property
    def state(self) -> str:
        return "Embedded" if self.entry.name in catalog.DATASETS else "Ready"
