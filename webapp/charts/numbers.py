"""The format of numbers: rates without a leading zero, a true minus sign, intervals in brackets."""

from training.metrics.intervals import Estimate

SHORT = "replace(datum.label, '0.', '.')"
"""A rate on an axis, as an expression of Vega."""


def rate(value: float, digits: int = 3) -> str:
    """.718, −.05, 1.20"""
    text = f"{abs(value):.{digits}f}"
    text = text.removeprefix("0") if digits else text
    return ("−" if value < 0 and text.strip("0.") else "") + text


def points(value: float, signed: bool = True) -> str:
    """A difference of shares in percentage points: +4.7, −8.0, 0.0"""
    text = f"{abs(100 * value):.1f}"
    if not text.strip("0."):
        return text
    return ("−" if value < 0 else "+" if signed else "") + text


def rate_interval(estimate: Estimate, digits: int = 3) -> str:
    low, high = ("∞" if end is None else rate(end, digits) for end in (estimate.low, estimate.high))
    return f"[{'−∞' if estimate.low is None else low}, {high}]"


def points_interval(estimate: Estimate) -> str:
    low = "−∞" if estimate.low is None else points(estimate.low, signed=False)
    return f"[{low}, {'∞' if estimate.high is None else points(estimate.high, signed=False)}]"


def p_text(p: float) -> str:
    """A p value with its sign: = .032, < .001"""
    return "< .001" if p < 0.001 else f"= {rate(p)}"
