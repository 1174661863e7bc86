"""The claim at the head of the page."""

from collections.abc import Sequence

from webapp.charts.numbers import rate, rate_interval
from webapp.findings.claims import Claim
from webapp.findings.findings import Findings
from webapp.findings.wording import count


def summary(found: Sequence[Findings]) -> tuple[Claim, tuple[str, ...]]:
    """Of one pair its own claim; of several how far their PGR reaches, each with its interval, and what has none."""
    if len(found) == 1:
        return found[0].claim, tuple(found[0].further)
    resolved = [one for one in found if one.head.pgr]
    if not resolved:
        return Claim(f"None of {count(len(found), 'pair')} of models has a gap that a student could be said to recover."), ()
    spread = sorted(resolved, key=lambda one: one.head.pgr.value if one.head.pgr else 0)
    ends = f"from {_pgr(spread[0])} to {_pgr(spread[-1])}"
    if len(resolved) == 1:
        ends = _pgr(spread[0])
    rest = len(found) - len(resolved)
    further = [f"Of {count(rest, 'pair')} no PGR can be given: see why below."] if rest else []
    further.append("The ends are those of several estimates, and the ends of several are extreme by luck too.")
    return Claim(f"Over {count(len(found), 'pair')} of models, PGR is {ends}."), tuple(further)


def _pgr(one: Findings) -> str:
    assert one.head.pgr is not None
    return f"{rate(one.head.pgr.value, 2)} {rate_interval(one.head.pgr, 2)} ({one.pair.title}, trained {one.how(one.head)})"
