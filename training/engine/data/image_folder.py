"""Images in folders, one for each class, in a zip or on the disk, read file by file within bounds."""

import os
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from training.engine.data.image_decoding import LARGEST_FILE
from training.engine.data.reader import Picture, Reader, Row
from training.engine.errors import CorruptData

MOST_IMAGES = 200_000
LARGEST_UNPACKED = 2**33
IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini")
"""Files that systems leave in folders, beside those whose names begin with a dot."""


class Entry(NamedTuple):
    """A file: its path in the zip or folder, and its size in bytes."""

    path: str
    size: int
    has_password: bool = False


class ImageFolder(Reader):
    """A folder of images with the columns image, folder, parent and file, ordered by their paths.

    folder is the name of the last folder, which usually says the class, parent that of the folder above it, and file the path.
    """

    images = ("image",)
    what = "folder"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.columns = ("image", "folder", "parent", "file")
        self.types = {"image": "image"} | dict.fromkeys(self.columns[1:], "text")
        self.entries = sorted(entry for entry in self.files() if not _ignored(entry.path))
        self.total = len(self.entries)
        self._check()

    def files(self) -> Iterator[Entry]:
        """Yield all files. Raises CorruptData."""
        for folder, _, names in os.walk(self.path, followlinks=True):
            for path in (Path(folder, name) for name in names):
                yield Entry(path.relative_to(self.path).as_posix(), path.stat().st_size)

    def contents(self) -> Iterator[bytes]:
        """Yield the content of each entry. Raises CorruptData for one that cannot be read."""
        for entry in self.entries:
            try:
                yield (self.path / entry.path).read_bytes()
            except OSError as error:
                raise CorruptData(f"“{entry.path}” cannot be read: {error.strerror}.") from None

    def _check(self) -> None:
        """Raise CorruptData for files that are too many or too large, before any is read."""
        if not self.entries:
            raise CorruptData(f"The {self.what} has no files. It should have a folder of images for each class.")
        if len(self.entries) > MOST_IMAGES:
            raise CorruptData(f"The {self.what} has {len(self.entries):,} files, and at most {MOST_IMAGES:,} images can be read.")
        for entry in self.entries:
            if entry.has_password:
                raise CorruptData(f"“{entry.path}” in the zip has a password: make the zip without one.")
            if entry.size > LARGEST_FILE:
                size = entry.size / 2**20
                raise CorruptData(f"“{entry.path}” unpacks to {size:,.0f} MB, and an image has at most {LARGEST_FILE // 2**20}.")
        total = sum(entry.size for entry in self.entries)
        if total > LARGEST_UNPACKED:
            raise CorruptData(f"The {self.what} unpacks to {total / 2**30:.0f} GB, and at most 8 GB can be read.")

    def rows(self, columns: Sequence[str] = (), lists: Collection[str] = ()) -> Iterator[Row]:
        self.done = 0
        for entry in self.entries:
            self.done += 1
            yield _row(entry)

    def pictures(self, column: str, columns: Sequence[str]) -> Iterator[Picture]:
        self.done = 0
        for entry, content in zip(self.entries, self.contents(), strict=True):
            self.done += 1
            yield Picture(entry.path, content, _row(entry))


class ImageZip(ImageFolder):
    """A zip of such a folder."""

    what = "zip"

    def files(self) -> Iterator[Entry]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                for entry in archive.infolist():
                    if not entry.is_dir():
                        yield Entry(entry.filename, entry.file_size, bool(entry.flag_bits & 1))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise CorruptData(f"The zip cannot be read: {error}.") from None

    def contents(self) -> Iterator[bytes]:
        with zipfile.ZipFile(self.path) as archive:
            for entry in self.entries:
                try:
                    yield archive.read(entry.path)
                except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
                    raise CorruptData(f"“{entry.path}” in the zip cannot be unpacked: {error}.") from None


def _row(entry: Entry) -> Row:
    path = PurePosixPath(entry.path)
    return {"image": "", "folder": path.parent.name, "parent": path.parent.parent.name, "file": str(path)}


def _ignored(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part in IGNORED or part.startswith(".") for part in parts)
