"""Removal of the names of machines, folders and accounts from what leaves an installation."""

import getpass
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from training.catalog import local
from training.events import ArtifactDamaged, Event, RunClaimed, RunFailed, RunLost, RunReleased, StopRequested

REMOVED = "[removed]"
"""Replacement of a path, a host, an address or an account."""

SHORTEST_NAME = 3
"""Length below which names of hosts and accounts are left, as they occur in ordinary words."""

PART, END = r"[^\s'\",;:()\[\]/\\]", r"(?<![.])"

PATTERNS = (
    re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+"),  # addresses, with their accounts and passwords
    re.compile(r"(?<=')[^'\n]*[/\\][^'\n]*(?=')|(?<=\")[^\"\n]*[/\\][^\"\n]*(?=\")|(?<=“)[^”\n]*[/\\][^”\n]*(?=”)"),
    re.compile(rf"(?:(?<![\w/])[A-Za-z]:)?(?<![\w/])(?:~{PART}*|\.{{1,2}})?(?:[/\\]{PART}*{END})+"),  # paths from a root
    re.compile(rf"{PART}+[/\\]{PART}*(?:[/\\]{PART}*)+{END}|{PART}+[/\\]{PART}*\.\w+"),  # and those without: a/b/c, a/b.txt
    re.compile(r"[^\s'\"(),;:]*@[^\s'\"(),;:]+(?<![.])"),  # accounts and workers at a host
    re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}\b"),
    re.compile(r"\b[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*:\d{2,5}\b"),
    re.compile(r"\b(?:[A-Za-z0-9_-]+\.)+(?:local|localdomain|internal|intranet|lan|home|corp|com|org|net|edu|io|dev|cloud)\b"),
)


@cache
def own_names() -> tuple[str, ...]:
    """Return the names of this machine and this account, and the account's home folder."""
    try:
        account = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        account = ""
    return str(Path.home()), socket.gethostname(), socket.gethostname().partition(".")[0], account


def public_text(text: str, names: Iterable[str] = ()) -> str:
    """Return ``text`` without paths, hosts, addresses, this machine's own names and the further ``names``."""
    for name in sorted({*own_names(), *names}, key=len, reverse=True):
        if len(name) >= SHORTEST_NAME:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", REMOVED, text)
    for pattern in PATTERNS:
        text = pattern.sub(REMOVED, text)
    return re.sub(rf"(?:{re.escape(REMOVED)})+", REMOVED, text)


class PublicEvents:
    """Redacted events of one archive: workers are numbered, failures have no log, and stop requests name no account."""

    def __init__(self, clean: Callable[[str], str] = public_text) -> None:
        self._clean = clean
        self._workers: dict[str, str] = {}

    def of(self, event: Event) -> Event:
        match event:
            case RunClaimed():
                return event.model_copy(update={"worker": self._worker(event.worker)})
            case ArtifactDamaged():
                return event.model_copy(update={"problem": self._clean(event.problem)})
            case RunLost() | RunReleased():
                update = {"worker": self._worker(event.worker), "cause": self._clean(event.cause)}
                return event.model_copy(update=update)
            case RunFailed():
                return event.model_copy(update={"error": self._clean(event.error), "log": ""})
            case StopRequested():
                return event.model_copy(update={"by": ""})
        return event

    def _worker(self, name: str) -> str:
        return self._workers.setdefault(name, f"worker {len(self._workers) + 1}")


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return JSON in which every string and key that is in ``names`` is replaced; others stay."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list | tuple):
        return [renamed(item, names) for item in value]
    if isinstance(value, dict):
        return {names.get(key, key): renamed(item, names) for key, item in value.items()}
    return value


def without_folders(value: Any) -> Any:
    """Return JSON with the last folder name in place of a local model's path, which specs of an earlier version have."""
    if isinstance(value, str):
        return local.public_name(value)
    if isinstance(value, list | tuple):
        return [without_folders(item) for item in value]
    if isinstance(value, dict):
        return {local.public_name(key): without_folders(item) for key, item in value.items()}
    return value
