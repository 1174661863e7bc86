"""The claim at the head of the page."""

from collections.abc import Sequence

from webapp.charts.numbers import rate, rate_interval
from webapp.findings.claims import Claim
from webapp.findings.findings import Findings
from webapp.findings.wording import count


def summary(pairs: Sequence[Findings]) -> tuple[Claim, tuple[str, ...]]:
    """Return the claim of a single pair; for several the range of their PGR with intervals, and the pairs without one."""
    if len(pairs) == 1:
        return pairs[0].claim, tuple(pairs[0].further)
    resolved = [pair for pair in pairs if pair.head.pgr]
    if not resolved:
        return Claim(f"No PGR can be given for any of {count(len(pairs), 'pair')} of models."), ()
    spread = sorted(resolved, key=lambda pair: pair.head.pgr.value if pair.head.pgr else 0)
    ends = f"from {_pgr(spread[0])} to {_pgr(spread[-1])}"
    if len(resolved) == 1:
        ends = _pgr(spread[0])
    rest = len(pairs) - len(resolved)
    further = [f"No PGR can be given for {count(rest, 'pair')}; the reasons are below."] if rest else []
    further.append("These are the extremes of several estimates, and extremes are partly due to chance.")
    return Claim(f"Over {count(len(pairs), 'pair')} of models, PGR is {ends}."), tuple(further)


def _pgr(pair: Findings) -> str:
    assert pair.head.pgr is not None
    return f"{rate(pair.head.pgr.value, 2)} {rate_interval(pair.head.pgr, 2)} ({pair.pair.title}, trained {pair.how(pair.head)})"
