"""Labels from outside: files of labels for a data set that were made elsewhere, each stored once by content, with a card.

A card is named NAME@DIGEST, so that a name may mean other labels later and every experiment keeps its own. A supervisor of an
experiment is named ``given:NAME@DIGEST``; ``given:NAME`` is the newest of the name.
"""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from training.base_models import Requested
from training.catalog import library, shared_library
from training.catalog.check_report import Finding
from training.names import GIVEN, GIVEN_MODEL, DatasetName, Fingerprint, within
from training.storage.atomic import atomic
from training.storage.remote import StoreUnreachable

Role = Literal["supervisor", "student"]
SHOWN_DIGITS = 7


class About(Requested):
    """The description of labels from outside by who brings them."""

    name: str = Field(title="Name", description=f"What experiments call them: {library.NAME_RULE}.")
    source: str = Field(
        min_length=1, max_length=500, title="Source", description="The program, people or model that made the labels."
    )
    licence: str = Field("", max_length=200, title="Licence")
    author: str = Field("", max_length=200, title="Author")
    text: str = Field("", max_length=5000, title="How they were made", description="Shown on pages and in reports.")

    @field_validator("name")
    @classmethod
    def possible(cls, name: str) -> str:
        if not library.NAME.fullmatch(name):
            raise ValueError(f"“{name}” cannot be a name: {library.NAME_RULE}.")
        return name


class OutsideCard(Finding):
    """The card of labels from outside. ``digest`` is the SHA-256 of their content (``training.storage.outside_labels``)."""

    name: str
    role: Role
    digest: Fingerprint
    dataset: DatasetName
    fingerprint: Fingerprint
    """Fingerprint of the data set that they label."""
    rows: int
    """Number of labels, of all files."""
    files: int
    """Number of files: file i is for seed i, and a single one stands for all seeds."""
    hard: bool
    """Every label is certain: the files give classes and no probabilities between them."""
    missing: int
    """Number of examples of the data set without a label, in the file that lacks most of them."""
    shares: tuple[float, ...]
    """Share of each class among the labels."""
    warnings: tuple[str, ...] = ()
    source: str
    licence: str
    author: str
    text: str
    made: datetime

    @property
    def model(self) -> str:
        """The name by which specs refer to them."""
        return f"{GIVEN}{self.name}@{self.digest[:16]}"


def file_of(digest: str) -> Path:
    return within(_folder(), digest, ".parquet")


def put(card: OutsideCard) -> None:
    """Store the card of labels whose file is stored."""
    card_path = _folder() / f"{card.model.removeprefix(GIVEN)}.json"
    with atomic(card_path) as path:
        path.write_text(card.model_dump_json(indent=1), encoding="utf-8")
    shared_library.publish(library.folder(), file_of(card.digest), card_path)


def fetch(digest: str) -> Path:
    """Return the path of the labels' file, which another machine may have added. Raises StoreUnreachable."""
    shared_library.fetch(library.folder(), file_of(digest))
    return file_of(digest)


def cards(role: Role | None = None, fingerprint: str = "") -> list[OutsideCard]:
    """Return all cards, the newest first: those of a ``role`` and of the data set with ``fingerprint``, where these are given."""
    there = {name for name in shared_library.names("outside/") if GIVEN_MODEL.fullmatch(GIVEN + name.removesuffix(".json"))}
    names = sorted({path.name for path in _folder().glob("*@*.json")} | {name for name in there if name.endswith(".json")})
    known = [card for name in names if (card := _read(_folder() / name))]
    chosen = [card for card in known if role in (None, card.role) and fingerprint in ("", card.fingerprint)]
    return sorted(chosen, key=lambda card: card.made, reverse=True)


def card_of(model: str) -> OutsideCard | None:
    """Return the card of ``given:NAME@DIGEST``, None without one."""
    match = GIVEN_MODEL.fullmatch(model)
    return _read(_folder() / f"{match['title']}@{match['digest']}.json") if match else None


def find(model: str) -> OutsideCard:
    """Return the card of ``given:NAME@DIGEST``, or the newest of ``given:NAME``. Raises ValueError with a sentence."""
    name = model.removeprefix(GIVEN)
    card = card_of(model) or next((card for card in cards() if card.name == name), None)
    if card is None:
        raise ValueError(
            f"There are no labels from outside called “{name}” here: upload them on the page of their data set, or with "
            "python -m training outside add."
        )
    return card


def title_of(model: str) -> str | None:
    """Return NAME@1234567 for labels from outside; None for a model."""
    match = GIVEN_MODEL.fullmatch(model)
    return f"{match['title']}@{match['digest'][:SHOWN_DIGITS]}" if match else None


def _folder() -> Path:
    return library.folder() / "outside"


def _read(path: Path) -> OutsideCard | None:
    """None for a card that is missing or damaged: labels without a card cannot be chosen."""
    with suppress(StoreUnreachable):
        shared_library.fetch(library.folder(), path)
    try:
        return OutsideCard.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
