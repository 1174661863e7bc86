"""The reliability diagram."""

from tests.factories.result_groups import colours, values
from training.metrics.calibration import Bin
from webapp.charts.reliability import Reliable, reliability_chart
from webapp.charts.styles import CEILING, WEAK

BINS = [Bin(30, 0.6, 0.5), Bin(10, 0.9, 1.0)]


def test_each_model_has_its_bins_beside_the_diagonal() -> None:
    spec = reliability_chart([Reliable("Weak supervisor", WEAK, BINS, 0.1)], 2, "share that is right")
    assert [(row["confidence"], row["right"], row["count"]) for row in values(spec, "count")] == [(0.6, 0.5, 30), (0.9, 1.0, 10)]
    diagonal = [row for row in values(spec, "confidence") if "count" not in row]
    assert all(row["confidence"] == row["right"] for row in diagonal)


def test_confidence_begins_where_the_models_can_be_no_less_sure() -> None:
    for classes, lowest in ((2, 0.5), (4, 0.25)):
        spec = reliability_chart([Reliable("Weak supervisor", WEAK, BINS, 0.1)], classes, "share that is right")
        assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [lowest, 1]


def test_it_says_its_numbers_in_words_and_takes_colours_from_the_theme() -> None:
    models = [Reliable("Weak supervisor", WEAK, BINS, 0.1), Reliable("Strong ceiling", CEILING, BINS, 0.034)]
    spec = reliability_chart(models, 2, "share that is right")
    assert "Weak supervisor: expected calibration error .100; Strong ceiling" in spec["description"]
    assert {"var(--weak)", "var(--strong)"} <= colours(spec)
