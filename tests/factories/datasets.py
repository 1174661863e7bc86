"""Data sets made up for tests of the checks: harmless ones, and one for each kind of leak."""

import random
from datetime import UTC, datetime
from pathlib import Path

from training.catalog import library
from training.catalog.check_report import Counts, Lengths, Neighbours, Report
from training.catalog.library import Card
from training.engine.data.checks import check
from training.engine.data.families.example import Example, preference
from training.engine.data.rules import apply_rules

WORDS = [
    f"{first}{second}" for first in ("ba", "ke", "li", "mo", "nu", "sa", "te", "vo") for second in ("n", "rk", "st", "d", "lm")
]

REPORT = Report(
    counts=Counts(read=4, examples=4, copies=0, conflicts=0, unequal=0, unbalanced=0, kept=4),
    classes=(2, 2),
    groups=4,
    largest_group=1,
    lengths=Lengths(edges=(0, 5), counts=((2, 0), (2, 0)), median=(1.0, 1.0)),
    neighbours=Neighbours(compared=4, near=0),
    baselines=(),
    sampled=4,
    samples=(),
    warnings=("There are only 4 rows: expect wide intervals.",),
)


def sentence(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, k=words))


def harmless(rows: int = 1500) -> list[Example]:
    """Texts whose label nothing can tell."""
    draw = random.Random(0)
    return [Example(sentence(draw, draw.randint(8, 40)), draw.randint(0, 1), f"group {n}") for n in range(rows)]


def long_and_short() -> list[Example]:
    """Texts of class 1 are longer, as preferred answers are."""
    draw = random.Random(1)
    labels = [draw.randint(0, 1) for _ in range(1500)]
    return [Example(sentence(draw, draw.randint(8, 30) + 15 * label), label, f"group {n}") for n, label in enumerate(labels)]


def longer_preferred(more: int) -> list[Example]:
    """Pairs of which the preferred text is longer by ``more`` words: people are known to like long answers."""
    draw = random.Random(3)
    pairs = ((sentence(draw, draw.randint(8, 30) + more), sentence(draw, draw.randint(8, 30)), f"group {n}") for n in range(1500))
    return [example for pair in pairs for example in preference(*pair)]


def letter_or_text() -> list[Example]:
    """The right answer is shown as its letter, and a wrong one as its text: OpenBookQA as it was once converted."""
    draw = random.Random(2)
    examples = []
    for n in range(750):
        question = sentence(draw, draw.randint(8, 30))
        examples.append(Example(f"{question}\n\nProposed answer: {draw.choice('ABCD')}", 1, f"group {n}"))
        examples.append(Example(f"{question}\n\nProposed answer: {sentence(draw, 1)}", 0, f"group {n}"))
    return examples


def copied_over(copies: int = 60) -> list[Example]:
    """Some texts come again with a word changed and another group."""
    draw = random.Random(3)
    examples = harmless()
    for number, example in enumerate(examples[:copies]):
        words = f"{example.text} {sentence(draw, 12)}".split()
        examples[number] = Example(" ".join(words), example.label, example.group)
        examples.append(Example(" ".join([*words[:-1], "changed"]).upper(), example.label, f"other group {number}"))
    return examples


def checked(folder: Path, examples: list[Example], classes: int = 2) -> Report:
    counts = apply_rules(examples, folder / "examples.parquet", "seed", classes=classes)
    return check(folder / "examples.parquet", counts.model_copy(update={"read": len(examples)}))


def card(name: str = "mine", fingerprint: str = "f" * 64, **changes: object) -> Card:
    return Card(
        name=name,
        title="Mine",
        source="here",
        licence="MIT",
        citation="none",
        rows=4,
        fingerprint=fingerprint,
        classes=("no", "yes"),
        group="the same words",
        report=REPORT,
        made=datetime.now(UTC),
    ).model_copy(update=changes)


def shelve(folder: Path, dataset_card: Card) -> None:
    (folder / "new.parquet").write_text("data")
    library.put(dataset_card, folder / "new.parquet")
