"""Backups that were changed after they had been made."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

from webapp.backups.contents import ABOUT, CHECKSUMS

Change = Callable[[str], str]


def changed(source: Path, target: Path, **changes: Change) -> None:
    """Write ``target`` with other texts in the files of these names, whose checksums fit."""
    with zipfile.ZipFile(source) as whole:
        contents = {name: whole.read(name) for name in whole.namelist() if name != CHECKSUMS}
    for name, change in changes.items():
        contents[name] = change(contents[name].decode()).encode()
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
    packed(target, contents | {CHECKSUMS: "".join(lines).encode()})


def packed(target: Path, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)


def about(source: Path) -> str:
    with zipfile.ZipFile(source) as file:
        return file.read(ABOUT).decode()
