"""The text of a chart at the pointer: the ``about`` of a mark's row, a title and then a line for each fact."""

from collections.abc import Callable

from training.metrics.intervals import Estimate
from webapp.charts.numbers import rate, rate_interval


def about(title: str, *facts: str) -> str:
    return "\n".join([title, *(fact for fact in facts if fact)])


def estimated(name: str, found: Estimate, value: Callable[[float], str] = rate) -> str:
    """accuracy .718 [.700, .736]"""
    return f"{name} {value(found.value)} {rate_interval(found)}".strip()


def counted(number: int, noun: str = "seed") -> str:
    """n = 3 seeds; empty where it is not known, as 0."""
    if not number:
        return ""
    return f"n = {number:,} {noun}{'' if number == 1 else 's'}"
