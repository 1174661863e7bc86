"""Local models: which folders may be read, and where the model with a certain digest lies on this installation.

A spec, a run and everything made of them name a local model by the last name of its folder and its digest
(``local:NAME@DIGEST``, 16 hex digits of it). Its path stays in a table of this installation: a small file for each digest,
beside the data sets, where every process finds it. LOCAL_MODELS, folders separated as in PATH, says below which folders models
may be read; where it is empty, all may.
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
"""Of every folder that is missing, holds no model, or lies outside LOCAL_MODELS: the answer does not say which."""


class NotReadable(ValueError):
    """Says NOT_READABLE."""

    def __init__(self) -> None:
        super().__init__(NOT_READABLE)


def name_of(folder: Path, digest: str) -> str:
    """What specs call the model in ``folder``."""
    return f"{LOCAL}{folder.name or 'model'}@{digest[:16]}"


def title_of(name: str) -> str | None:
    """NAME@1234567 of a local model's name, or NAME where a spec of an earlier version has its path; None for other models."""
    if found := NAMED.fullmatch(name):
        return f"{found['title']}@{found['digest'][:SHOWN_DIGITS]}"
    if name.startswith((LOCAL, "/")):
        return name.removeprefix(LOCAL).rstrip("/").rpartition("/")[2] or "local model"
    return None


def public_name(name: str, digest: str = "") -> str:
    """The model's name without a path, which a spec of an earlier version may have; other names as they are."""
    if NAMED.fullmatch(name) or not name.startswith(f"{LOCAL}/"):
        return name
    return f"{LOCAL}{title_of(name)}" + (f"@{digest[:16]}" if digest else "")


def folder_of(name: str) -> Path | None:
    """The folder that ``name`` means, None for a model of another kind. Raises ValueError where the table does not have it."""
    if found := NAMED.fullmatch(name):
        return _recorded(found["title"], found["digest"])
    if not name.startswith(LOCAL) and not Path(name).is_absolute():
        return None
    try:
        return Path(os.path.abspath(Path(name.removeprefix(LOCAL)).expanduser()))  # noqa: PTH100 - links stay as they are
    except (RuntimeError, ValueError):  # no home of that name, or a NUL
        raise NotReadable from None


def record(folder: Path, digest: str) -> None:
    """Notes where the model with this digest lies. Raises ValueError where that cannot be written."""
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
    """Where all local models lie of which this installation knows."""
    found = []
    for path in _table().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found.append(Path(json.loads(path.read_text(encoding="utf-8"))["folder"]))
    return found


def check_readable(folder: Path, files: Iterable[Path] = ()) -> None:
    """Raises NotReadable unless the folder, and each of the files in it, lies below LOCAL_MODELS after all links are followed."""
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
