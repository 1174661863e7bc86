"""Conversion of an imported file's rows to prompts with answers; errors name the column, the number of rows and the first."""

import math
from collections.abc import Callable, Iterator

from training.catalog.column_mapping import Answered, columns_of, fill
from training.engine.data.families.example import Prompt
from training.engine.data.reader import Reader, Row
from training.engine.data.values import BETWEEN
from training.engine.errors import CorruptData
from training.words import composed, identity, wording

SHOWN = 80
"""Characters of an answer that an error quotes."""


class Unusable:
    """Rows without a usable answer, by reason: their number and what is said of the first."""

    def __init__(self) -> None:
        self.reasons: dict[str, tuple[int, str]] = {}

    def add(self, reason: str, first: str) -> None:
        number, known = self.reasons.get(reason, (0, first))
        self.reasons[reason] = number + 1, known

    def refuse(self, column: str, rows: int) -> None:
        """Raise CorruptData with a sentence for each reason, if there are any."""
        if self.reasons:
            reasons = [
                f"{reason} in {number:,} of {rows:,} rows, first in {first}" for reason, (number, first) in self.reasons.items()
            ]
            raise CorruptData(f"Column “{column}”: {'; '.join(reasons)}. Correct the rows, or choose to leave them out.")


def prompts(reader: Reader, mapping: Answered, track: Callable[[Iterator[Row]], Iterator[Row]]) -> Iterator[Prompt]:
    """Yield the prompt of every row; rows pass through ``track``. Raises CorruptData, at the end where answers are unusable."""
    for column in mapping.columns:
        if column not in reader.columns:
            raise CorruptData(f"There is no column “{column}”. There are: {', '.join(reader.columns)}.")
    unusable, number = Unusable(), 0
    rows = reader.rows(mapping.columns, {mapping.answers, *mapping.keep})
    for number, row in enumerate(track(rows), 1):
        text = _prompt(mapping, number, row)
        answers = answers_of(row[mapping.answers], mapping.separator)
        problem = _problem(mapping, answers)
        if problem is None:
            yield Prompt(
                text,
                answers,
                _group(mapping, number, row) or wording(text) or identity(text),
                _difficulty(mapping, number, row),
                tuple(row[column].replace(BETWEEN, " ") for column in mapping.keep),
            )
        elif not mapping.skip:
            reason, quoted = problem
            unusable.add(reason, f"row {number:,}{quoted}")
    unusable.refuse(mapping.answers, number)


def answers_of(value: str, separator: str | None) -> tuple[str, ...]:
    """Return the accepted answers of a value, without empty and repeated ones."""
    texts = [part for text in value.split(BETWEEN) for part in (text.split(separator) if separator else [text])]
    return tuple(dict.fromkeys(filter(None, map(str.strip, texts))))


def _problem(mapping: Answered, answers: tuple[str, ...]) -> tuple[str, str] | None:
    """Return why the answers cannot be used, and what an error adds about them; None where they can."""
    if not answers:
        return "the answer is empty", ""
    if long := [answer for answer in answers if len(answer) > mapping.longest]:
        return f"the answer has more than {mapping.longest:,} characters", f" with {len(long[0]):,}"
    if without := [answer for answer in answers if mapping.rule.answer(answer) is None]:
        shown = without[0] if len(without[0]) <= SHOWN else f"{without[0][:SHOWN]}…"
        return f"the rule ({mapping.rule.title}) finds no answer", f": “{shown}”"
    return None


def _prompt(mapping: Answered, number: int, row: Row) -> str:
    text = fill(mapping.prompt, row).strip()
    empty = [column for column in columns_of(mapping.prompt) if not row[column].strip()]
    if not text or len(empty) == len(columns_of(mapping.prompt)):
        raise CorruptData(f"Row {number:,}, column “{empty[0] if empty else mapping.prompt}”: the prompt is empty.")
    return text


def _group(mapping: Answered, number: int, row: Row) -> str:
    if mapping.group is None:
        return ""
    if not row[mapping.group].strip():
        raise CorruptData(f"Row {number:,}, column “{mapping.group}”: the group is missing.")
    return composed(row[mapping.group])


def _difficulty(mapping: Answered, number: int, row: Row) -> float | None:
    if mapping.difficulty is None:
        return None
    try:
        difficulty = float(row[mapping.difficulty])
    except ValueError:
        difficulty = math.nan
    if not math.isfinite(difficulty):
        shown = row[mapping.difficulty][:SHOWN]
        raise CorruptData(f"Row {number:,}, column “{mapping.difficulty}”: “{shown}” is no number, and difficulty needs one.")
    return difficulty
