"""Conversion of an imported file's rows to labelled images by its mapping; errors name row and image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from training.catalog.column_mapping import Pictured
from training.engine.data.image_decoding import Decoded, decoded
from training.engine.data.reader import Picture, Reader
from training.engine.data.split import PARTS
from training.engine.errors import CorruptData
from training.words import composed

NAMED = 20
"""Number of broken images that a report names."""


@dataclass(frozen=True)
class LabelledImage:
    """An image with its label. ``name`` has no folder, since that may be the label.

    Images of one ``group`` stay together in every split; it is empty for an image alone. ``part`` is train, test or locked, and
    empty where the laboratory draws the split.
    """

    name: str
    label: int
    group: str
    image: Decoded
    part: str = ""


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
    held_out = held_out_rows(reader.total, mapping)
    for number, picture in enumerate(track(reader.pictures(mapping.image, mapping.columns)), 1):
        value = composed(picture.row[mapping.label])
        if value not in meaning:
            if mapping.skip:
                continue
            raise CorruptData(f"Row {number:,} ({picture.name}), column “{mapping.label}”: {_unknown(value, meaning)}.")
        group = composed(picture.row[mapping.group]) if mapping.group else ""
        if mapping.group and not group.strip():
            raise CorruptData(f"Row {number:,} ({picture.name}), column “{mapping.group}”: the group is missing.")
        part = ("test" if held_out[number - 1] else "train") if mapping.test_rows else _part(mapping, number, picture)
        try:
            image = decoded(picture.content, picture.name)
            yield LabelledImage(PurePath(picture.name).name, meaning[value], group, image, part)
        except CorruptData as error:
            if not mapping.skip_broken:
                raise
            broken.add(str(error))


def held_out_rows(total: int, mapping: Pictured) -> npt.NDArray[np.bool_]:
    """Return a mask (total,) of the rows that are drawn for the test set. Raises CorruptData where none would be left to train.

    They are the last ones of the permutation, as in the vision code of openai/weak-to-strong, which trains on the first.
    """
    rows = mapping.test_rows or 0
    if rows >= total > 0:
        raise CorruptData(f"{rows:,} images to test are asked for, and there are {total:,}: some must be left to train on.")
    mask = np.zeros(total, bool)
    mask[np.random.default_rng(mapping.test_seed).permutation(total)[total - rows :]] = True
    return mask


def _part(mapping: Pictured, number: int, picture: Picture) -> str:
    """Return the part that the column of the split gives, empty without such a column. Raises CorruptData for another word."""
    if mapping.split is None:
        return ""
    value = composed(picture.row[mapping.split])
    if value.lower() not in PARTS:
        raise CorruptData(
            f"Row {number:,} ({picture.name}), column “{mapping.split}”: “{value[:60]}” is none of {', '.join(PARTS)}."
        )
    return value.lower()


def _unknown(value: str, meaning: dict[str, int]) -> str:
    if not value:
        return "the label is missing"
    known = list(meaning)
    listed = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return f"“{value[:60]}” is none of the labels that are listed ({listed})"
