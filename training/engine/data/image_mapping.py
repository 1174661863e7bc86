"""Conversion of an imported file's rows to labelled images by its mapping; errors name row and image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from training.catalog.column_mapping import Pictured
from training.engine.data.image_decoding import Decoded, decoded
from training.engine.data.reader import Picture, Reader
from training.engine.errors import CorruptData
from training.words import composed

NAMED = 20
"""Number of broken images that a report names."""


@dataclass(frozen=True)
class LabelledImage:
    """An image with its label. ``name`` has no folder, since that may be the label.

    Images of one ``group`` stay together in every split; it is empty for an image alone.
    """

    name: str
    label: int
    group: str
    image: Decoded


@dataclass
class Broken:
    """The images that could not be read: their number, and sentences about the first of them."""

    number: int = 0
    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        self.number += 1
        if len(self.sentences) < NAMED:
            self.sentences.append(sentence)


def images(
    reader: Reader, mapping: Pictured, track: Callable[[Iterator[Picture]], Iterator[Picture]], broken: Broken
) -> Iterator[LabelledImage]:
    """Yield the images of every row; rows pass through ``track``. Raises CorruptData, which names row and image."""
    for column in (mapping.image, *mapping.columns):
        if column not in reader.columns:
            raise CorruptData(f"There is no column “{column}”. There are: {', '.join(reader.columns)}.")
    meaning = {composed(value): number for number, class_ in enumerate(mapping.classes) for value in class_.values}
    for number, picture in enumerate(track(reader.pictures(mapping.image, mapping.columns)), 1):
        value = composed(picture.row[mapping.label])
        if value not in meaning:
            if mapping.skip:
                continue
            raise CorruptData(f"Row {number:,} ({picture.name}), column “{mapping.label}”: {_unknown(value, meaning)}.")
        group = composed(picture.row[mapping.group]) if mapping.group else ""
        if mapping.group and not group.strip():
            raise CorruptData(f"Row {number:,} ({picture.name}), column “{mapping.group}”: the group is missing.")
        try:
            yield LabelledImage(PurePath(picture.name).name, meaning[value], group, decoded(picture.content, picture.name))
        except CorruptData as error:
            if not mapping.skip_broken:
                raise
            broken.add(str(error))


def _unknown(value: str, meaning: dict[str, int]) -> str:
    if not value:
        return "the label is missing"
    known = list(meaning)
    listed = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return f"“{value[:60]}” is none of the labels that are listed ({listed})"
