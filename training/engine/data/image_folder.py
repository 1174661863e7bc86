"""A zip of images in folders, one for each class, read file by file within bounds."""

import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

from training.engine.data.image_decoding import LARGEST_FILE
from training.engine.data.reader import Picture, Reader, Row
from training.engine.errors import CorruptData

MOST_IMAGES = 200_000
LARGEST_UNPACKED = 2**33
IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini")
"""Files that systems leave in folders, beside those whose names begin with a dot."""


class ImageFolder(Reader):
    """A zip with the columns image, folder (the name of the last folder, which usually says the class) and file (the path)."""

    images = ("image",)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.columns = ("image", "folder", "file")
        self.types = {"image": "image", "folder": "text", "file": "text"}
        try:
            with zipfile.ZipFile(path) as archive:
                self.entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _ignored(entry.filename)]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise CorruptData(f"The zip cannot be read: {error}.") from None
        self.total = len(self.entries)
        self._check()

    def _check(self) -> None:
        """Raise CorruptData for a zip that declares too much, before anything is unpacked."""
        if not self.entries:
            raise CorruptData("The zip has no files. It should have a folder of images for each class.")
        if len(self.entries) > MOST_IMAGES:
            raise CorruptData(f"The zip has {len(self.entries):,} files, and at most {MOST_IMAGES:,} images can be read.")
        for entry in self.entries:
            if entry.flag_bits & 1:
                raise CorruptData(f"“{entry.filename}” in the zip has a password: make the zip without one.")
            if entry.file_size > LARGEST_FILE:
                size = entry.file_size / 2**20
                raise CorruptData(
                    f"“{entry.filename}” unpacks to {size:,.0f} MB, and an image has at most {LARGEST_FILE // 2**20}."
                )
        total = sum(entry.file_size for entry in self.entries)
        if total > LARGEST_UNPACKED:
            raise CorruptData(f"The zip unpacks to {total / 2**30:.0f} GB, and at most 8 GB can be read.")

    def rows(self, columns: Sequence[str] = (), lists: Collection[str] = ()) -> Iterator[Row]:
        self.done = 0
        for entry in self.entries:
            self.done += 1
            yield _row(entry)

    def pictures(self, column: str, columns: Sequence[str]) -> Iterator[Picture]:
        self.done = 0
        with zipfile.ZipFile(self.path) as archive:
            for entry in self.entries:
                self.done += 1
                try:
                    content = archive.read(entry)
                except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
                    raise CorruptData(f"“{entry.filename}” in the zip cannot be unpacked: {error}.") from None
                yield Picture(entry.filename, content, _row(entry))


def _row(entry: zipfile.ZipInfo) -> Row:
    path = PurePosixPath(entry.filename)
    return {"image": "", "folder": path.parent.name, "file": str(path)}


def _ignored(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part in IGNORED or part.startswith(".") for part in parts)
