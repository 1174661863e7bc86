"""Sources of registered generative data sets: rows of the Hub, rows joined to those of a second source, or made from a seed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.catalog.registry import MADE as MADE_HERE
from training.catalog.registry import Registered
from training.engine.data import fetch, joining
from training.engine.data.families import MADE, PROMPTS
from training.engine.data.families.example import Prompt, Row
from training.engine.data.rules import OnProgress
from training.engine.errors import CorruptData

EVERY = 2_000
"""Rows between two progress reports."""
IDS = "id", "PuzzleId"
"""Columns of the ids by which two sources are joined."""

Read = Callable[[Iterable[Any]], Iterator[Any]]


def load(
    name: str, entry: Registered, mirror: Path | None, folder: Path, read: Read, on_progress: OnProgress
) -> tuple[fetch.Source, Iterator[Prompt]]:
    """Return the source of ``entry`` and its prompts; what they are made from passes through ``read``.

    Two sources in ``mirror`` are two folders with their names. Temporary files are in ``folder``. Raises CorruptData and Stopped.
    """
    if not entry.repository:
        prompts = MADE[name.partition("-seed-")[0]](entry.seed)
        return fetch.Source((), f"{MADE_HERE} from seed {entry.seed}", ""), _watched(read(prompts), 0, on_progress)
    if entry.joined is None:
        source = fetch.load(entry, mirror, on_progress)
        return source, _converted(name, _watched(read(source.rows()), source.total, on_progress))
    first, second = (
        fetch.load(part, mirror and mirror / part.repository.rpartition("/")[2], on_progress)
        for part in (replace(entry, joined=None), entry.joined)
    )
    rows = joining.joined(first.parts, second.parts, *IDS, folder)
    source = replace(first, where=f"{first.where}; {second.where}")
    return source, _converted(name, _watched(read(rows), min(first.total, joining.LARGEST), on_progress))


def _watched(items: Iterable[Any], total: int, on_progress: OnProgress) -> Iterator[Any]:
    for number, item in enumerate(items, 1):
        if number % EVERY == 0:
            on_progress("reading", number, max(number, total))
        yield item


def _converted(name: str, rows: Iterable[Row]) -> Iterator[Prompt]:
    for number, row in enumerate(rows, 1):
        try:
            yield from PROMPTS[name](row)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CorruptData(
                f"Row {number:,} of “{name}” does not have the columns that its conversion expects "
                f"({type(error).__name__}: {error})."
            ) from None
