"""The sections of an experiment's page, one of which is visible: ``?section=errors``, and within it ``&method=2``."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from webapp.findings.pairs import Lane
from webapp.findings.tables import TransitionCell
from webapp.pages.experiments.experiment import Living
from webapp.parsing import whole

TITLES = {
    "pairs": "All pairs",
    "result": "Result",
    "differences": "Differences",
    "errors": "Errors",
    "curves": "Curves",
    "runs": "Runs",
    "notes": "Notes",
}


@dataclass(frozen=True)
class Option:
    """A link of a switch: its value in the address, its title, and whether it is the visible one."""

    value: str
    title: str
    query: str
    current: bool


@dataclass(frozen=True)
class Table:
    """Counts of test examples by supervisor right or wrong and student right or wrong, for one method."""

    option: Option
    lane: Lane
    rows: list[tuple[str, list[TransitionCell]]]


class Sections:
    """The visible section and the visible method's table; the rest of the page is rendered and hidden.

    ``requested``, ``method`` and ``pair`` are from the address; values that the page does not have are ignored.
    """

    def __init__(self, living: Living, requested: str = "", method: str = "", pair: str = "") -> None:
        self.living = living
        self.here = urlencode({"pair": living.pair.index}) if pair else ""
        self.requested = requested if requested in self.names else ""
        self.requested_method = whole(method)

    @property
    def names(self) -> list[str]:
        return [name for name in TITLES if name != "pairs" or len(self.living.pairs) > 1]

    @property
    def default(self) -> str:
        """The section without a request: the curves while runs are active, then the result, of all pairs if there are several."""
        if self.living.at_work and self.living.run_count:
            return "curves"
        return "pairs" if len(self.living.pairs) > 1 and self.living.overview and not self.here else "result"

    @property
    def current(self) -> str:
        return self.requested or self.default

    @property
    def options(self) -> list[Option]:
        return [Option(name, TITLES[name], self._query(section=name), name == self.current) for name in self.names]

    @cached_property
    def tables(self) -> list[Table]:
        """The counts for each student, one of them visible: of the requested method, or of the first one."""
        findings = self.living.findings
        lanes = [(int(lane.id.removeprefix("m")), lane, rows) for lane, rows in findings.transitions] if findings else []
        known = [index for index, _, _ in lanes]
        shown = self.requested_method if self.requested_method in known else next(iter(known), None)
        return [
            Table(
                Option(str(index), lane.method, self._query(section="errors", method=str(index)), index == shown),
                lane,
                rows,
            )
            for index, lane, rows in lanes
        ]

    @property
    def pairs(self) -> list[Option]:
        """The same section of each other pair; from the section of all pairs, the result."""
        section = "result" if self.current == "pairs" else self.current
        return [
            Option(str(pair.index), pair.title, self._query(pair=str(pair.index), section=section), pair == self.living.pair)
            for pair in self.living.pairs
        ]

    def _query(self, **changes: str) -> str:
        pair = {"pair": str(self.living.pair.index)} if self.living.pair.index else {}
        return urlencode(pair | changes)
