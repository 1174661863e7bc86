"""The data set library: imported and fetched data sets; each file is stored once by content, each name has a card."""

import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training import environment
from training.answers import AnswerRule
from training.catalog import shared_library
from training.catalog.check_report import Finding, Report
from training.names import DATASET, Fingerprint, within
from training.state_folder import data_dir
from training.storage.atomic import atomic
from training.storage.checksums import Checksums, digest

NAME = re.compile(DATASET)
NAME_RULE = "1 to 64 small letters, digits, - and _, beginning with a letter or digit"


class Card(Finding):
    """The card of a data set in the library. ``fingerprint`` is the SHA-256 of its Parquet file."""

    name: str
    title: str
    source: str
    licence: str
    citation: str
    rows: int
    fingerprint: Fingerprint
    classes: tuple[str, ...]
    """Meanings of the labels, from 0; none for a generative data set."""
    answers: AnswerRule | None = None
    """The rule that finds an answer in a text, for a generative data set."""
    group: str
    """The property that rows of one group share."""
    mapping: dict[str, Any] | None = None
    """The column mapping of an imported file; None for a registered data set."""
    report: Report
    made: datetime


def folder() -> Path:
    """Return DATASETS_DIR, or datasets/ in the folder of all state."""
    named = environment.text("DATASETS_DIR")
    return Path(named) if named else data_dir() / "datasets"


def file_of(fingerprint: str) -> Path:
    return within(folder(), fingerprint, ".parquet")


def fetch(fingerprint: str) -> Path:
    """Return the path of a data set's file, which another machine may have added. Raises StoreUnreachable, DamagedArtifact."""
    shared_library.fetch(folder(), file_of(fingerprint), fingerprint)
    return file_of(fingerprint)


def put(card: Card, parquet: Path) -> None:
    """Add the file under the card's name, the file first, so that a card never points at a missing file. Moves ``parquet``.

    An existing file of this content stays, unless it is damaged: then it is moved aside. Raises ValueError for an invalid name.
    """
    target = file_of(card.fingerprint)
    card_path = _card_path(card.name)
    if target.exists() and digest(target) != card.fingerprint:
        Checksums(folder()).quarantine(target)
    if target.exists():
        parquet.unlink()
    else:
        with atomic(target) as path:
            shutil.move(parquet, path)
    with atomic(card_path) as path:
        path.write_text(card.model_dump_json(indent=1))
    shared_library.publish(folder(), target, card_path)


def get(name: str) -> Card | None:
    """Return the card of ``name``, None without one. Raises ValueError for a damaged one."""
    if not NAME.fullmatch(name):
        return None
    path = _card_path(name)
    shared_library.renew(folder(), path)
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    known = (path, status.st_size, status.st_mtime_ns)
    if known not in _cards:
        try:
            _cards[known] = Card.model_validate_json(path.read_bytes())
        except ValidationError:
            raise ValueError(f"The record of the data set “{name}” is damaged: {path}.") from None
    return _cards[known]


_cards: dict[tuple[Path, int, int], Card] = {}
"""Cards by path, size and time: an unchanged card is read once in a process."""


def names() -> list[str]:
    there = {name.removesuffix(".json") for name in shared_library.names() if name.endswith(".json")}
    return sorted(name for name in {path.stem for path in folder().glob("*.json")} | there if NAME.fullmatch(name))


def _card_path(name: str) -> Path:
    if not NAME.fullmatch(name):
        raise ValueError(f"“{name}” cannot be a name: {NAME_RULE}.")
    return within(folder(), name, ".json")
