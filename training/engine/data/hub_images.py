"""Images of a registered data set of the Hub, read like those of a file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from training.catalog.column_mapping import Class, Pictured
from training.catalog.registry import Registered
from training.engine.data.fetch import Source
from training.engine.data.reader import Picture, Reader
from training.engine.data.values import flat
from training.engine.errors import CorruptData


class HubImages(Reader):
    """The rows of a loaded source with an Image and a ClassLabel column. Raises CorruptData where it has others."""

    def __init__(self, source: Source, entry: Registered) -> None:
        assert entry.pictures is not None
        image, label = self.columns = entry.pictures
        self.images, self.types, self.path = (image,), {image: "image"}, Path()
        self.total = source.total
        self.image, self.label = image, label
        self.names = {label: _names(source.parts[0].features.get(label), label, entry)}
        self.parts = [_undecoded(part, image, entry) for part in source.parts]

    @property
    def mapping(self) -> Pictured:
        """The mapping of its columns. Rows without a label are left out, as are images that cannot be read."""
        classes = tuple(Class(name=name, values=(str(number),)) for number, name in enumerate(self.names[self.label]))
        return Pictured(image=self.image, label=self.label, classes=classes, skip=True, skip_broken=True)

    def pictures(self, column: str, columns: Sequence[str]) -> Iterator[Picture]:
        self.done = 0
        for part in self.parts:
            for row in part:
                self.done += 1
                value = row[column] or {}
                name = Path(value.get("path") or "").name or f"row {self.done:,}"
                values = {other: flat(row[other], self.done, other, True) for other in columns}
                yield Picture(name, value.get("bytes") or b"", values)


def _names(feature: Any, label: str, entry: Registered) -> tuple[str, ...]:
    names = getattr(feature, "names", None)
    if not names:
        raise CorruptData(f"“{entry.repository}” on the Hub has no column “{label}” with named classes any more.")
    return tuple(map(str, names))


def _undecoded(part: Any, image: str, entry: Registered) -> Any:
    """Return the split with the bytes of its images, which are decoded here within bounds. Raises CorruptData."""
    from datasets import Image

    if not isinstance(part.features.get(image), Image):
        raise CorruptData(f"“{entry.repository}” on the Hub has no images in a column “{image}” any more.")
    return part.cast_column(image, Image(decode=False))
