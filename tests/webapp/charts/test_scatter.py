"""Points in a plane: one scale for both axes, and nothing outside the picture."""

import re

import pytest

from webapp.charts.scatter import HEIGHT, MARGIN, WIDTH, Dot, Window, scatter_chart


def test_a_window_just_holds_its_rectangle_with_the_same_scale_for_both_axes() -> None:
    wide, high = Window.around((0, 0), (100, 1)), Window.around((0, 0), (1, 100))
    assert (wide.across(0), wide.across(100)) == (MARGIN, WIDTH - MARGIN)
    assert (high.down(100), high.down(0)) == (MARGIN, HEIGHT - MARGIN)
    for window in (wide, high):
        assert window.across(2) - window.across(1) == pytest.approx(window.down(1) - window.down(2))
        assert (window.across(window.low[0]), window.down(window.high[1])) == pytest.approx((0, 0), abs=1e-9)
    assert Window.around((3, 3), (3, 3)).unit == 1


def test_what_lies_beyond_is_at_the_edge_and_an_open_end_reaches_it() -> None:
    window = Window.around((0, 0), (10, 10))
    dots = [Dot(1, "kept", -1000, 5, "far left"), Dot(2, "lost hollow", 5, 1000, "far up")]
    drawn = scatter_chart(dots, window, ((None, 5), (5, None)), "two")
    (first, second) = re.findall(r'<circle class="([a-z ]+)" cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert first == ("kept", f"{MARGIN / 2:.1f}", f"{HEIGHT / 2:.1f}")
    assert second == ("lost hollow", f"{WIDTH / 2:.1f}", f"{MARGIN / 2:.1f}")
    assert f'<rect class="chosen" x="0.0" y="0.0" width="{WIDTH / 2:.1f}" height="{HEIGHT / 2:.1f}"' in drawn
