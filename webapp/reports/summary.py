"""The claim at the head of the page."""

from collections.abc import Sequence

from webapp.charts.numbers import rate, rate_interval
from webapp.findings.claims import Claim
from webapp.findings.findings import Findings
from webapp.findings.wording import count


def summary(all_findings: Sequence[Findings]) -> tuple[Claim, tuple[str, ...]]:
    """Return the claim of a single pair; for several the range of their PGR with intervals, and the pairs without one."""
    if len(all_findings) == 1:
        return all_findings[0].claim, tuple(all_findings[0].further)
    resolved = [findings for findings in all_findings if findings.head.pgr]
    if not resolved:
        return Claim(f"No PGR can be given for any of {count(len(all_findings), 'pair')} of models."), ()
    spread = sorted(resolved, key=lambda findings: findings.head.pgr.value if findings.head.pgr else 0)
    ends = f"from {_pgr(spread[0])} to {_pgr(spread[-1])}"
    if len(resolved) == 1:
        ends = _pgr(spread[0])
    rest = len(all_findings) - len(resolved)
    further = [f"No PGR can be given for {count(rest, 'pair')}; the reasons are below."] if rest else []
    if len(resolved) > 1:
        further.append("These are the extremes of several estimates, and extremes are partly due to chance.")
    return Claim(f"Over {count(len(all_findings), 'pair')} of models, PGR is {ends}."), tuple(further)


def _pgr(findings: Findings) -> str:
    head = findings.head
    assert head.pgr is not None
    return f"{rate(head.pgr.value, 2)} {rate_interval(head.pgr, 2)} ({findings.pair.title}, trained {findings.how(head)})"
