"""Local models: the folders that may be read, and the table from a digest to the folder of that model.

Specs, runs and everything derived from them name a local model by the last name of its folder and its digest
(``local:NAME@DIGEST``, 16 hex digits). Its path stays in a table of this installation: a small file for each digest, beside the
data sets, shared by all processes. LOCAL_MODELS lists the folders, separated as in PATH, below which models may be read; where it
is empty, every folder may be read.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from training.catalog import library
from training.names import LOCAL
from training.storage.atomic import atomic

NAMED = re.compile(r"local:(?P<title>[^/\0]{1,255})@(?P<digest>[0-9a-f]{16})")
SHOWN_DIGITS = 7

NOT_READABLE = "No model can be read from this folder."
"""Message for a folder that is missing, holds no model, or lies outside LOCAL_MODELS; it does not reveal which."""


class NotReadable(ValueError):
    """A folder from which no model can be read; its message is NOT_READABLE."""

    def __init__(self) -> None:
        super().__init__(NOT_READABLE)


def name_of(folder: Path, digest: str) -> str:
    """Return the name by which specs refer to the model in ``folder``."""
    return f"{LOCAL}{folder.name or 'model'}@{digest[:16]}"


def title_of(name: str) -> str | None:
    """Return NAME@1234567 for a local model, or NAME where an older spec has its path; None for other models."""
    if match := NAMED.fullmatch(name):
        return f"{match['title']}@{match['digest'][:SHOWN_DIGITS]}"
    if name.startswith((LOCAL, "/")):
        return name.removeprefix(LOCAL).rstrip("/").rpartition("/")[2] or "local model"
    return None


def public_name(name: str, digest: str = "") -> str:
    """Return the model's name without a path, which a spec of an earlier version may have; other names unchanged."""
    if NAMED.fullmatch(name) or not name.startswith(f"{LOCAL}/"):
        return name
    return f"{LOCAL}{title_of(name)}" + (f"@{digest[:16]}" if digest else "")


def folder_of(name: str) -> Path | None:
    """Return the folder of a local model, None for other models. Raises ValueError where the table does not have it."""
    if match := NAMED.fullmatch(name):
        return _recorded(match["title"], match["digest"])
    if not name.startswith(LOCAL) and not Path(name).is_absolute():
        return None
    try:
        return Path(os.path.abspath(Path(name.removeprefix(LOCAL)).expanduser()))  # noqa: PTH100 - links stay as they are
    except (RuntimeError, ValueError):  # no such home, or a NUL
        raise NotReadable from None


def record(folder: Path, digest: str) -> None:
    """Record the folder of the model with this digest. Raises ValueError where the table cannot be written."""
    path = _table() / f"{digest[:16]}.json"
    entry = json.dumps({"digest": digest, "folder": str(folder)})
    try:
        if path.exists() and path.read_text(encoding="utf-8") == entry:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as new:
            new.write_text(entry, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"The place of the model cannot be recorded: {error.strerror}.") from None


def recorded_folders() -> list[Path]:
    """Return the folders of all local models that this installation has recorded."""
    paths = []
    for path in _table().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            paths.append(Path(json.loads(path.read_text(encoding="utf-8"))["folder"]))
    return paths


def check_readable(folder: Path, files: Iterable[Path] = ()) -> None:
    """Raise NotReadable unless the folder and its ``files`` lie below LOCAL_MODELS after all links are followed."""
    roots = [Path(root).expanduser() for root in os.environ.get("LOCAL_MODELS", "").split(os.pathsep) if root]
    try:
        real = [path.resolve() for path in (folder, *files)]
        allowed = [root.resolve() for root in roots]
    except (OSError, RuntimeError, ValueError):
        raise NotReadable from None
    if roots and not all(any(path.is_relative_to(root) for root in allowed) for path in real):
        raise NotReadable


def _recorded(title: str, digest: str) -> Path:
    try:
        return Path(json.loads((_table() / f"{digest}.json").read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(f"Where the local model {title} lies is not known here: name its folder, as local:PATH.") from None


def _table() -> Path:
    return library.folder() / "local-models"
