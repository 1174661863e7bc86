"""How often the interval of PGR contains the true PGR, how wide it is, and how often none is shown: by simulation.

python -m tests.benchmarks.coverage --repetitions 2000 --write docs/explanation/statistics.md
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import inf
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from training.metrics.agreement import accuracy, state_of
from training.metrics.intervals import combination, measure, ratio

WEAK, PGR = 0.65, 0.4
SEED_SD = (0.014, 0.02, 0.01)
"""Of the accuracies of supervisor, student and ceiling between seeds."""
FOLLOWS = 0.5
"""Correlation between seeds of a student's accuracy with that of the supervisor that taught it."""
SHARED, OWN, CHANCE = 0.5, 0.25, 0.25
"""Parts of the variance of an answer: how hard the example is for all, how hard for this role in every seed, the run's luck."""
OVER, UNDER = (-1, 1, 0), (-1, 0, 1)
BEGIN, END = "<!-- coverage: begin -->\n", "<!-- coverage: end -->\n"


@dataclass(frozen=True)
class Setting:
    seeds: int
    examples: int
    gap: float

    @property
    def levels(self) -> npt.NDArray[np.float64]:
        return WEAK + self.gap * np.array([0.0, PGR, 1.0])


@dataclass(frozen=True)
class Coverage:
    """``always`` counts an interval without finite ends as one that contains everything; ``shown`` and ``width`` are of those
    alone that a page would show, and NaN where there are none.
    """

    setting: Setting
    repetitions: int
    always: float
    shown: float
    width: float
    unresolved: float


SETTINGS = [Setting(seeds, n, gap) for gap in (0.05, 0.1, 0.2) for seeds in (3, 5, 8) for n in (500, 1000, 5000)]


def draw(setting: Setting, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Who is right where, (3, seeds, examples). Both levels of chance are new in every draw, and the mean accuracies exact."""
    noise = rng.standard_normal((3, setting.seeds))
    noise[1] = FOLLOWS * noise[0] + (1 - FOLLOWS**2) ** 0.5 * noise[1]
    skill = ndtri(np.clip(setting.levels[:, None] + np.array(SEED_SD)[:, None] * noise, 0.01, 0.99)).astype(np.float32)
    n = setting.examples
    parts = (SHARED, rng.standard_normal(n, np.float32)), (OWN, rng.standard_normal((3, 1, n), np.float32))
    hard: Any = sum(np.float32(part**0.5) * values for part, values in parts)
    right: npt.NDArray[np.bool_] = (
        hard + np.float32(CHANCE**0.5) * rng.standard_normal((3, setting.seeds, n), np.float32) < skill[:, :, None]
    )
    return right


def simulate(setting: Setting, repetitions: int, rng: np.random.Generator) -> Coverage:
    """The interval and the state of a page's PGR, in as many experiments as there are ``repetitions``."""
    groups, widths, always, shown = np.arange(setting.examples), list[float](), 0, 0
    for _ in range(repetitions):
        right = draw(setting, rng)
        spread = measure(right, groups)
        interval = ratio(spread, OVER, UNDER)
        weak, ceiling = accuracy(spread, right, 0), accuracy(spread, right, 2)
        state, _ = state_of(weak, ceiling, combination(spread, UNDER), interval)
        low, high = (
            (-inf, inf) if interval is None or interval.low is None or interval.high is None else (interval.low, interval.high)
        )
        always += low <= PGR <= high
        if state == "ok":
            shown += low <= PGR <= high
            widths.append(high - low)
    some = len(widths)
    return Coverage(
        setting,
        repetitions,
        always / repetitions,
        shown / some if some else np.nan,
        median(widths) if some else np.nan,
        1 - some / repetitions,
    )


def table(results: Sequence[Coverage]) -> str:
    lines = [
        "| gap | seeds | test examples | no PGR shown | contains the truth, where shown | in all | median width, where shown |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results:
        about = row.setting
        shown = f"{100 * row.shown:.1f} %" if row.unresolved < 1 else "–"
        width = f"{row.width:.2f}" if row.unresolved < 1 else "–"
        lines.append(
            f"| {about.gap:.2f} | {about.seeds} | {about.examples:,} | {100 * row.unresolved:.1f} % | {shown} "
            f"| {100 * row.always:.1f} % | {width} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the two marks in this file")
    options = parser.parse_args()
    begun = process_time()
    results = [
        simulate(setting, options.repetitions, np.random.default_rng([options.seed, i])) for i, setting in enumerate(SETTINGS)
    ]
    text = (
        f"{options.repetitions:,} repetitions a row, {date.today()}, {process_time() - begun:.0f} seconds of processor.\n\n"
        f"{table(results)}\n"
    )
    print(text)
    if options.write:
        before, rest = options.write.read_text().split(BEGIN)
        options.write.write_text(before + BEGIN + text + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
