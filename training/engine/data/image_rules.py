"""The rules from images to a data set: no copies, no image with several labels, balanced classes, stable ids.

They are the rules of texts (``rules``), with equal pixels in the place of equal words. Images wait in a file, so that memory
holds a few numbers of each. The bytes of the resulting file depend on the images alone and not on their order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training.catalog.check_report import Counts
from training.engine.data.families.example import stable
from training.engine.data.image_mapping import LabelledImage
from training.engine.data.rules import LARGEST_CLASS, OnProgress
from training.engine.data.split import PARTS
from training.engine.errors import CorruptData

ROW_GROUP = 256
"""Small, since a page reads the row group of the image that it shows."""

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.string()),
        ("label", pa.int16()),
        ("group", pa.int64()),
        ("image", pa.binary()),
        ("thumbnail", pa.binary()),
    ]
)
"""``text`` is the name of the image. ``thumbnail`` is null where the image is small enough itself."""
PART = pa.field("part", pa.string())
"""The last column where the file gives the split."""


@dataclass(frozen=True)
class Staged:
    """The part of an image in memory: ``place`` and sizes of its two files in the staged one, and the numbers of the report."""

    name: str
    label: int
    group: str
    part: str
    digest: str
    place: int
    image: int
    thumbnail: int
    width: int
    height: int
    grey: bool
    reduced: bool
    format: str
    form: tuple[float, ...]
    colours: tuple[float, ...]
    gradient: int | None


def apply_image_rules(
    images: Iterable[LabelledImage], target: Path, classes: int, on_progress: OnProgress = lambda *_: None
) -> tuple[Counts, list[Staged]]:
    """Write the data set of ``images`` to the Parquet file ``target`` and return what was chosen, in the order of its rows.

    Labels are 0 to ``classes`` - 1. Raises CorruptData where a class or a given test set has no images left, and where images
    of one group are in two parts of a given split.
    """
    staged_file = target.with_name(f"{target.name}.staged")
    try:
        with staged_file.open("wb") as file:
            staged = [_write(file, labelled) for labelled in images]
        on_progress("rules", 0, 2)
        single, conflicts = _single(staged)
        balanced = _balanced(single, classes, len(staged))
        chosen = sorted(balanced, key=_id)
        schema = SCHEMA.append(PART) if parts_of(chosen) else SCHEMA
        on_progress("rules", 1, 2)
        with staged_file.open("rb") as file, pq.ParquetWriter(target, schema, compression="zstd", use_dictionary=False) as writer:
            for table in _tables(chosen, file, schema):
                writer.write_table(table, row_group_size=ROW_GROUP)
        on_progress("rules", 2, 2)
    finally:
        staged_file.unlink(missing_ok=True)
    counts = Counts(
        read=0,
        examples=len(staged),
        copies=len(staged) - conflicts - len(single),
        conflicts=conflicts,
        unequal=0,
        unbalanced=len(single) - len(chosen),
        kept=len(chosen),
    )
    return counts, chosen


def _write(file: BinaryIO, labelled: LabelledImage) -> Staged:
    image = labelled.image
    thumbnail = image.thumbnail or b""
    place = file.tell()
    file.write(image.image + thumbnail)
    return Staged(
        name=labelled.name,
        label=labelled.label,
        group=labelled.group,
        part=labelled.part,
        digest=image.digest.hex(),
        place=place,
        image=len(image.image),
        thumbnail=len(thumbnail),
        width=image.width,
        height=image.height,
        grey=image.grey,
        reduced=image.reduced,
        format=image.format,
        form=image.form,
        colours=image.colours,
        gradient=image.gradient,
    )


def _single(staged: list[Staged]) -> tuple[list[Staged], int]:
    """Return the images without copies, and the number of those whose pixels have several labels, which are left out."""
    by_pixels: dict[str, list[Staged]] = {}
    for each in staged:
        by_pixels.setdefault(each.digest, []).append(each)
    same = [alike for alike in by_pixels.values() if len({each.label for each in alike}) == 1]
    return [min(alike, key=lambda each: (each.name, each.group)) for alike in same], len(staged) - sum(map(len, same))


def _balanced(single: list[Staged], classes: int, total: int) -> list[Staged]:
    """Return the images, of each class as many as of the rarest where one is too large; a hash of the pixels draws them."""
    of_class: list[list[Staged]] = [[] for _ in range(classes)]
    for each in single:
        of_class[each.label].append(each)
    sizes = list(map(len, of_class))
    if not all(sizes):
        empty = sizes.index(0)
        raise CorruptData(f"Of {total:,} images none of class {empty} is left: all classes are needed.")
    if max(sizes) <= LARGEST_CLASS / classes * sum(sizes):
        return single
    return [each for alike in of_class for each in sorted(alike, key=_draw)[: min(sizes)]]


def _id(each: Staged) -> int:
    return stable("image", each.digest)


def _draw(each: Staged) -> int:
    return stable("balance", each.digest)


def parts_of(chosen: list[Staged]) -> dict[str, int]:
    """Return the number of images in each part of a given split, none where the laboratory draws it. Raises CorruptData."""
    parts = Counter(each.part for each in chosen if each.part)
    if parts and not parts["test"]:
        raise CorruptData("No image that is left is in the test set, and results need some.")
    if len({(_group(each), each.part) for each in chosen}) > len(set(map(_group, chosen))):
        raise CorruptData("Images of one group are in two parts of the split: a model would be tested on what it has seen.")
    return {part: parts[part] for part in PARTS if parts[part]}


def _tables(chosen: list[Staged], file: BinaryIO, schema: pa.Schema) -> Iterator[pa.Table]:
    for start in range(0, len(chosen), ROW_GROUP):
        part = chosen[start : start + ROW_GROUP]
        columns: list[list[object]] = [
            list(map(_id, part)),
            [each.name for each in part],
            [each.label for each in part],
            list(map(_group, part)),
            [_bytes(file, each.place, each.image) for each in part],
            [_bytes(file, each.place + each.image, each.thumbnail) or None for each in part],
        ]
        columns += [[each.part for each in part]] if "part" in schema.names else []
        yield pa.table([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema)


def _bytes(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def groups_of(chosen: list[Staged]) -> npt.NDArray[np.int64]:
    return np.array(list(map(_group, chosen)), np.int64)


def _group(each: Staged) -> int:
    return stable("group", each.group or each.digest)
