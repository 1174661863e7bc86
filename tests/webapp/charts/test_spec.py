"""Charts are checked by Altair in tests, and are the same where they are not."""

import importlib

import altair as alt
import pytest
from altair.utils import schemapi
from altair.utils.schemapi import SchemaValidationError

from tests.factories.result_groups import group
from webapp.charts import spec
from webapp.charts.cache import CHARTS
from webapp.charts.gap import gap_chart
from webapp.charts.spec import spec_of


def test_a_chart_is_the_same_without_altair_s_checks() -> None:
    CHARTS.clear()
    checked = gap_chart([group()], ["Naive"])
    CHARTS.clear()
    with schemapi.debug_mode(False):
        assert gap_chart([group()], ["Naive"]) == checked


def test_pages_do_not_wait_for_altair_s_checks() -> None:
    importlib.reload(spec)
    try:
        assert not schemapi.DEBUG_MODE
    finally:
        schemapi.enable_debug_mode()


def test_an_invalid_chart_is_refused_in_tests() -> None:
    with schemapi.debug_mode(False):
        chart = alt.Chart(alt.NamedData("live")).mark_line(strokeWidth="wide")  # type: ignore[arg-type]
    with pytest.raises(SchemaValidationError):
        spec_of(chart)
