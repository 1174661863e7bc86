"""Groups of results for charts to draw, made directly so that every state and number is the test's own."""

from typing import Any

from training.metrics.agreement import Accuracy, Agreement, Cell, State, Transitions
from training.metrics.intervals import Estimate
from training.metrics.results import Group
from webapp.charts.live import Series


def estimate(value: float, half: float = 0.01) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half)


def accuracy(value: float, half: float = 0.015) -> Accuracy:
    return Accuracy(value=value, low=value - half, high=value + half, per_seed=(value - 0.004, value, value + 0.004))


def group(
    method: str = "naive",
    index: int = 0,
    weak: float = 0.66,
    student: float = 0.71,
    ceiling: float = 0.79,
    state: State = "ok",
    pgr: Estimate | None = None,
    missing: tuple[int, ...] = (),
) -> Group:
    """A group on three seeds; in state ok its PGR is that of its accuracies, .1 to each side, unless ``pgr`` is given."""
    lost = 0.08
    shares = (weak - lost, lost, student - weak + lost, 1 - student - lost)
    cells = [Cell(count=1000 * share, share=estimate(share)) for share in shares]
    return Group(
        weak_model="bag-of-words",
        strong_model="minilm-l4",
        method=method,
        method_index=index,
        seeds=(0, 1, 2),
        missing=missing,
        provisional=bool(missing),
        single_seed=False,
        state=state,
        reason="For a test.",
        pgr=(pgr or estimate((student - weak) / (ceiling - weak), 0.1)) if state == "ok" else None,
        gap=estimate(ceiling - weak),
        gain=estimate(student - weak),
        weak=accuracy(weak),
        student=accuracy(student),
        ceiling=accuracy(ceiling),
        transitions=Transitions(kept=cells[0], lost=cells[1], corrected=cells[2], copied=cells[3]),
        agreement=Agreement(overall=estimate(0.8), supervisor_right=estimate(0.9), supervisor_wrong=estimate(0.6)),
    )


def incomplete(method: str = "naive", index: int = 0) -> Group:
    return Group(
        weak_model="bag-of-words",
        strong_model="minilm-l4",
        method=method,
        method_index=index,
        seeds=(),
        missing=(0, 1, 2),
        provisional=True,
        single_seed=False,
        state="incomplete",
        reason="For a test.",
    )


def strings(spec: Any) -> list[str]:
    """Every string in a spec."""
    if isinstance(spec, dict):
        return [text for value in spec.values() for text in strings(value)]
    if isinstance(spec, list):
        return [text for value in spec for text in strings(value)]
    return [spec] if isinstance(spec, str) else []


def values(spec: dict[str, Any], *keys: str) -> list[dict[str, Any]]:
    """All inline rows of a spec that have these keys."""
    return [row for rows in spec["datasets"].values() for row in rows if set(keys) <= set(row)]


def colours(spec: Any) -> set[str]:
    """What stands where a colour stands: in marks, and in ranges of scales."""
    names: set[str] = set()
    if isinstance(spec, dict):
        for key, value in spec.items():
            if key in {"color", "fill", "stroke"} and isinstance(value, str):
                names.add(value)
            elif key in {"color", "fill", "stroke"} and isinstance(value, dict) and "scale" in value:
                names |= set(value["scale"]["range"])
            names |= colours(value)
    elif isinstance(spec, list):
        for value in spec:
            names |= colours(value)
    return names


PAIR = [
    Series("weak:bag-of-words", "weak", "Weak", 300),
    Series("student:0", "student", "Naive", 1000, "naive"),
    Series("student:1", "student", "Confidence", 1000, "confidence"),
    Series("ceiling:minilm-l4", "ceiling", "Ceiling", 1000),
]
