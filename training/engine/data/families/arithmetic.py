"""Arithmetic made from a seed: additions that are harder with more digits, and chains that are harder with more steps."""

import random
from collections.abc import Callable, Iterator

from training.engine.data.families.example import Prompt

LEVELS = range(1, 7)
ROWS = 4_000
"""Rows of each level of difficulty."""

STEPS: dict[str, Callable[[int, int], int]] = {
    "Add {}.": lambda value, operand: value + operand,
    "Subtract {}.": lambda value, operand: value - operand,
    "Multiply by {}.": lambda value, operand: value * operand,
}


def addition(seed: int) -> Iterator[Prompt]:
    """Yield sums of two numbers of equally many digits, two to six, which are the difficulty. No sum comes twice."""
    draw = random.Random(f"addition {seed}")  # nosec B311 # repeatable
    for digits in LEVELS[1:]:
        known: set[tuple[int, int]] = set()
        while len(known) < ROWS:
            first, second = (draw.randrange(10 ** (digits - 1), 10**digits) for _ in range(2))
            pair = min(first, second), max(first, second)
            if pair not in known:
                known.add(pair)
                group = f"{pair[0]} {pair[1]}"
                yield Prompt(f"{first} + {second} =", (str(first + second),), group, float(digits), (str(digits),))


def steps(seed: int) -> Iterator[Prompt]:
    """Yield chains of one to six operations, whose number is the difficulty. No chain comes twice."""
    draw = random.Random(f"steps {seed}")  # nosec B311 # repeatable
    for number in LEVELS:
        known: set[str] = set()
        while len(known) < ROWS:
            value = draw.randrange(10, 1_000)
            sentences, numbers = [f"Start with {value}."], [value]
            for _ in range(number):
                sentence, operand = draw.choice(list(STEPS)), draw.randrange(2, 10)
                sentences.append(sentence.format(operand))
                numbers.append(operand)
                value = STEPS[sentence](value, operand)
            text = f"{' '.join(sentences)}\nResult:"
            if text not in known:
                known.add(text)
                yield Prompt(text, (str(value),), " ".join(map(str, numbers)), float(number), (str(number),))
