"""The coverage of PGR's interval in docs/explanation/statistics.md stays true: fewer repetitions, wider tolerance."""

import numpy as np
import pytest

from tests.benchmarks.coverage import SEED_SD, SETTINGS, WEAK, Setting, draw, simulate

REPETITIONS = 400


@pytest.mark.parametrize("setting", [Setting(3, 500, 0.2), Setting(5, 1000, 0.1), Setting(8, 500, 0.2)])
def test_a_resolved_gap_has_an_interval_that_contains_the_truth(setting: Setting) -> None:
    actual = simulate(setting, REPETITIONS, np.random.default_rng(0))
    assert actual.unresolved < 0.02
    assert 0.92 <= actual.shown <= 0.99


def test_three_seeds_that_tell_most_of_the_variance_keep_the_level_too() -> None:
    """The setting in which Student's t with Satterthwaite's degrees of freedom covers 92.8% only."""
    assert simulate(Setting(3, 5000, 0.2), 2500, np.random.default_rng(4)).shown == pytest.approx(0.944, abs=0.01)


def test_the_smaller_the_gap_the_oftener_no_pgr_is_shown() -> None:
    shares = [simulate(Setting(3, 500, gap), 150, np.random.default_rng(1)).unresolved for gap in (0.05, 0.1, 0.2)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.4


def test_without_any_gap_hardly_any_pgr_is_shown() -> None:
    assert simulate(Setting(5, 500, 0.0), REPETITIONS, np.random.default_rng(2)).unresolved > 0.93


def test_the_experiments_drawn_are_what_they_are_said_to_be() -> None:
    setting, rng = Setting(5, 500, 0.2), np.random.default_rng(3)
    right = np.stack([draw(setting, rng) for _ in range(400)])
    assert right.mean(axis=(0, 2, 3)) == pytest.approx([WEAK, WEAK + 0.08, WEAK + 0.2], abs=0.005)
    many = np.stack([draw(Setting(5, 20_000, 0.2), rng).mean(axis=2) for _ in range(60)])
    assert many.var(axis=2, ddof=1).mean(axis=0) ** 0.5 == pytest.approx(SEED_SD, rel=0.15)


def test_the_settings_are_those_that_the_page_promises() -> None:
    assert {setting.seeds for setting in SETTINGS} == {3, 5, 8}
    assert {setting.examples for setting in SETTINGS} == {500, 1000, 5000}
