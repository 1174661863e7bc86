"""The files of an installation that a backup has: what cannot be made again from the database and the package."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from training.storage.checksums import LINE, SUFFIX, sidecar
from webapp import temporary_files

SECRET_KEY = "secret-key"  # nosec B105 # the name of a file
LEFT_OUT = (f"{temporary_files.PREFIX}*", ".*", "*.lock", "quarantine")
"""Names below the folders that hold nothing lasting."""


def folders() -> dict[str, Path]:
    """Return the folders of a backup by their names in it."""
    return {
        "artifacts": Path(settings.ARTIFACTS_DIR),
        "datasets": Path(settings.DATASETS_DIR),
        "shares": Path(settings.SHARES_DIR),
        "uploads": Path(settings.UPLOADS_DIR),
    }


def place_of(name: str) -> Path:
    """Return where the file of this name in a backup belongs."""
    head, _, rest = name.partition("/")
    return folders()[head] / rest if rest else Path(settings.DATA_DIR) / name


def names() -> Iterator[str]:
    """Yield the names of all files by folder, each before its checksum. One of them may be removed meanwhile."""
    for head, folder in folders().items():
        for path in sorted(_files(folder)):
            yield f"{head}/{path.relative_to(folder).as_posix()}"
    if (Path(settings.DATA_DIR) / SECRET_KEY).exists():
        yield SECRET_KEY


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if any(path.match(pattern) for pattern in LEFT_OUT) or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.suffix != SUFFIX:
            yield path
            if sidecar(path).exists():
                yield sidecar(path)


def expected(name: str) -> str | None:
    """Return the SHA-256 that the file must have: of the checksum beside it, or in the name of a data set; None for others."""
    path = place_of(name)
    if name.startswith("datasets/") and path.suffix == ".parquet" and len(path.stem) == 64:
        return path.stem
    try:
        line = LINE.fullmatch(sidecar(path).read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    return line[1] if line else ""
