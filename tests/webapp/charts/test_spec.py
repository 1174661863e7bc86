"""Charts are checked by the schema of Vega-Lite in tests, and by nothing where people wait for them."""

import altair as alt
import pytest
from altair.utils import schemapi
from jsonschema import ValidationError  # type: ignore[import-untyped]

from webapp.charts.cache import cached
from webapp.charts.spec import spec_of


def test_pages_do_not_wait_for_altair_s_checks() -> None:
    assert not schemapi.DEBUG_MODE


@pytest.mark.parametrize("width", ["wide", None])
def test_an_invalid_chart_fails_the_test_that_makes_it(width: str | None) -> None:
    @cached
    def chart(width: str | None) -> dict[str, object]:
        return spec_of(alt.Chart(alt.NamedData("live")).mark_line(strokeWidth=width))  # type: ignore[arg-type]

    with pytest.raises(ValidationError):
        chart(width)
