"""The charts of the samples of a machine."""

from training.events import SystemSampled
from webapp.charts.live import Series
from webapp.charts.system import system_charts


def test_every_number_of_a_sample_has_a_chart_of_its_own() -> None:
    charts = system_charts([Series("run", "ceiling", "Ceiling", 100)])
    assert {chart.panel.field for chart in charts} == set(SystemSampled.model_fields) - {"kind", "step", "runs"}
    assert len({chart.id for chart in charts}) == len(charts)
