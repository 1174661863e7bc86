"""The sections of an experiment's page, of which one is shown at a time: ``?section=errors``, and within it ``&method=2``."""

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
    """A link of a switch: what the address says for it, how it is called, and whether it is what is shown."""

    value: str
    title: str
    query: str
    current: bool


@dataclass(frozen=True)
class Table:
    """Test examples by whether supervisor and student are right, for one method."""

    option: Option
    lane: Lane
    rows: list[tuple[str, list[TransitionCell]]]


class Sections:
    """Which section and which method's table are shown; everything else of the page is rendered too, and hidden.

    ``asked``, ``method`` and ``pair`` are what the address says; what the page does not have counts as not asked.
    """

    def __init__(self, living: Living, asked: str = "", method: str = "", pair: str = "") -> None:
        self.living = living
        self.here = urlencode({"pair": living.pair.index}) if pair else ""
        self.asked = asked if asked in self.names else ""
        self.asked_method = whole(method)

    @property
    def names(self) -> list[str]:
        return [name for name in TITLES if name != "pairs" or len(self.living.pairs) > 1]

    @property
    def default(self) -> str:
        """The curves while runs are at work, then the result: of all pairs where there are several and none was asked for."""
        if self.living.at_work and self.living.run_count:
            return "curves"
        return "pairs" if len(self.living.pairs) > 1 and self.living.overview and not self.here else "result"

    @property
    def current(self) -> str:
        return self.asked or self.default

    @property
    def options(self) -> list[Option]:
        return [Option(name, TITLES[name], self._query(section=name), name == self.current) for name in self.names]

    @cached_property
    def tables(self) -> list[Table]:
        """What each student makes of its supervisor's answers, one of them shown: the asked method's, else the first."""
        findings = self.living.findings
        found = [(int(lane.id.removeprefix("m")), lane, rows) for lane, rows in findings.transitions] if findings else []
        known = [index for index, _, _ in found]
        shown = self.asked_method if self.asked_method in known else next(iter(known), None)
        return [
            Table(
                Option(str(index), lane.method, self._query(section="errors", method=str(index)), index == shown),
                lane,
                rows,
            )
            for index, lane, rows in found
        ]

    @property
    def pairs(self) -> list[Option]:
        """The same section of each pair; from the section of all pairs the result of one."""
        mine = "result" if self.current == "pairs" else self.current
        return [
            Option(str(pair.index), pair.title, self._query(pair=str(pair.index), section=mine), pair == self.living.pair)
            for pair in self.living.pairs
        ]

    def _query(self, **changes: str) -> str:
        pair = {"pair": str(self.living.pair.index)} if self.living.pair.index else {}
        return urlencode(pair | changes)
