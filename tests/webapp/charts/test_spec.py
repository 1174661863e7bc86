"""Charts are checked by the schema of Vega-Lite in tests, and by nothing where people wait for them."""

from collections.abc import Callable
from typing import Any

import altair as alt
import pytest
from altair.utils import schemapi
from jsonschema import ValidationError  # type: ignore[import-untyped]

from webapp.charts.cache import cached
from webapp.charts.layers import layered
from webapp.charts.spec import spec_of


def test_pages_do_not_wait_for_altair_s_checks() -> None:
    assert not schemapi.DEBUG_MODE


LINE = alt.Chart(alt.NamedData("live")).mark_line()


@pytest.mark.parametrize(
    "make", [lambda: spec_of(LINE.properties(height="tall")), lambda: layered([LINE], height="tall")], ids=["single", "layered"]
)
def test_an_invalid_chart_fails_the_test_that_makes_it(make: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        cached(make)()
    with pytest.raises(ValidationError):
        cached(make)()  # and is not in the cache
