"""A chart of curves in words: where each line stands now."""

from collections.abc import Iterable

from webapp.findings.pairs import Latest
from webapp.findings.wording import count

NAMES = ("accuracy", "agreement with the supervisor where it is right", "where it is wrong", "training loss")
"""The numbers of ``Latest.values``."""

MISSING = "–"


def curve_text(lines: Iterable[tuple[str, Latest]]) -> str:
    """Return a sentence for each line, by its title: the means over seeds of the last evaluations and of the last loss."""
    sentences = [_sentence(title, latest) for title, latest in lines]
    return " ".join(["At the last evaluations, as means over seeds:", *sentences]) if sentences else ""


def _sentence(title: str, latest: Latest) -> str:
    known = [f"{name} {value}" for name, value in zip(NAMES, latest.values, strict=True) if value != MISSING]
    return f"{title}: {', '.join(known)} ({count(latest.seeds, 'seed')})." if known else f"{title}: no number yet."
