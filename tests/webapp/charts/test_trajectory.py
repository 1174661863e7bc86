"""One example over training: a line for each student, and a tint of the side of the gold label between two classes."""

from tests.factories.result_groups import strings
from webapp.charts.styles import Style
from webapp.charts.trajectory import Level, Path, trajectory_chart

STYLE = Style("weak", "solid")
PATHS = [
    Path("Naive", STYLE, [0, 10, 20], [0.5, 0.4, 0.8], True, flip=20),
    Path("Naive", STYLE, [0, 10, 20], [0.5, 0.6, 0.7], False),
]
LEVELS = [Level("Supervisor", STYLE, 0.3), Level("Ceiling", STYLE, 0.9)]


def test_it_is_a_chart_for_two_classes_and_for_more() -> None:
    two, more = (trajectory_chart(PATHS, LEVELS, gold, "positive") for gold in (1, None))
    assert len(two["layer"]) > len(more["layer"])
    assert {"Supervisor", "Ceiling"} <= {*strings(more)}
