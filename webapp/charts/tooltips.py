"""Tooltips of charts: the ``about`` of a mark's row is a title, then one line for each fact."""

from collections.abc import Callable

from training.metrics.intervals import Estimate
from webapp.charts.numbers import rate, rate_interval


def about(title: str, *facts: str) -> str:
    return "\n".join([title, *(fact for fact in facts if fact)])


def estimated(name: str, estimate: Estimate, value: Callable[[float], str] = rate) -> str:
    """accuracy .718 [.700, .736]"""
    return f"{name} {value(estimate.value)} {rate_interval(estimate)}".strip()


def counted(number: int, noun: str = "seed") -> str:
    """n = 3 seeds; empty for 0, which means unknown."""
    if not number:
        return ""
    return f"n = {number:,} {noun}{'' if number == 1 else 's'}"
