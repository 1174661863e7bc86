"""Unpacking a backup, with every file compared with its checksum."""

import hashlib
import shutil
import zipfile
import zlib
from pathlib import Path

from pydantic import ValidationError

from training.storage.archive import LINE, OnProgress, no_progress, size
from webapp.backups.contents import ABOUT, BLOCK, CHECKSUMS, Manifest, NotRestorable, check_version, safe

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def unpack(source: Path, place: Path, on_progress: OnProgress = no_progress) -> Manifest:
    """Unpack into ``place`` and compare every file with its checksum. Raise NotRestorable."""
    try:
        with zipfile.ZipFile(source) as packed:
            entries = packed.infolist()
            _check_entries(entries)
            manifest, expected = _about(packed), _checksums(packed)
            total = sum(entry.file_size for entry in entries)
            if total > (free := shutil.disk_usage(place).free):
                raise NotRestorable(f"There is no room: the backup has {size(total)}, and {size(free)} are free.")
            done = 0
            for entry in entries:
                on_progress("unpacking", done, total)
                if entry.filename != CHECKSUMS and _written(packed, entry, place) != expected.pop(entry.filename, None):
                    raise NotRestorable(f"The backup is damaged: {entry.filename} is not what was written.")
                done += entry.file_size
            if expected:
                raise NotRestorable(f"The backup is damaged: {min(expected)} is missing.")
    except FileNotFoundError:
        raise NotRestorable(f"There is no file {source}.") from None
    except DAMAGED as error:
        raise NotRestorable(f"This is no backup, or it is damaged or cut off: {error}.") from None
    return manifest


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if strange := next((name for name in names if not safe(name)), ""):
        raise NotRestorable(f"A backup has no file {strange[:80]!r}.")
    if missing := {ABOUT, CHECKSUMS} - set(names):
        raise NotRestorable(f"This is no backup: it has no {min(missing)}.")
    if len(set(names)) < len(names):
        raise NotRestorable("The backup is damaged: a file is in it twice.")


def _about(packed: zipfile.ZipFile) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(packed.read(ABOUT))
    except ValidationError:
        raise NotRestorable(f"{ABOUT} cannot be read: it is damaged, or of a newer version of the laboratory.") from None
    check_version(manifest)
    return manifest


def _checksums(packed: zipfile.ZipFile) -> dict[str, str]:
    lines = [LINE.fullmatch(line) for line in packed.read(CHECKSUMS).decode(errors="replace").splitlines()]
    if not all(lines):
        raise NotRestorable(f"The backup is damaged: {CHECKSUMS} has a line that is no checksum.")
    return {line[2]: line[1] for line in lines if line}


def _written(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path) -> str:
    """Write one file and return its SHA-256."""
    target, sha256 = place / entry.filename, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(entry) as file, target.open("wb") as sink:
        while block := file.read(BLOCK):
            sha256.update(block)
            sink.write(block)
    return sha256.hexdigest()
