"""The findings of an experiment about one pair: sentences, tables and charts."""

from functools import cached_property
from typing import Any

from webapp.charts.decomposition import decomposition_chart
from webapp.charts.gap import gap_chart
from webapp.findings.claims import Claims
from webapp.findings.number_table import NumberTable
from webapp.findings.result_tables import accuracy_table, difference_table
from webapp.findings.tables import Tables
from webapp.findings.wording import short_methods


class Findings(Claims, Tables):
    """All that the page of an experiment shows about the result of one pair."""

    @cached_property
    def gap(self) -> dict[str, Any] | None:
        return gap_chart(self.groups, short_methods(self.spec))

    @cached_property
    def decomposition(self) -> dict[str, Any] | None:
        return decomposition_chart(self.groups, short_methods(self.spec))

    @property
    def accuracy_table(self) -> NumberTable:
        return accuracy_table(self)

    @property
    def difference_table(self) -> NumberTable:
        return difference_table(self)
