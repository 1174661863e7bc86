"""The archive of an experiment: a folder that a Store reads, with what was asked, what was found, and checksums of every file.

archive.json            an Archive: spec, triplets, result, versions, fingerprints of data sets
runs/<key>/             run.json and events.jsonl; of a finished run predictions.parquet and trajectory.parquet, as in a Store
checksums.txt           as sha256sum writes it, by name; its own SHA-256 is the content hash of the whole
"""

import math
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field

from training.checksums import digest as digest
from training.events import EVENTS, RunStarted, Told
from training.files import atomic
from training.frozen import Requested
from training.results import Result

CHECKSUMS = "checksums.txt"
ABOUT = "archive.json"
RUN = "run.json"
MADE = ("trajectory.parquet", "predictions.parquet")
"""What a finished run has; the predictions say that it has finished, so they come last."""
NAME = re.compile(rf"{ABOUT}|{CHECKSUMS}|runs/[0-9a-f]{{64}}/({'|'.join((RUN, EVENTS, *MADE))})".replace(".", r"\."))
LINE = re.compile(r"([0-9a-f]{64})  (.+)")

LARGEST = 2**36
"""Bytes that an archive may unpack to."""
BLOCK = 2**20
STORED = (".parquet",)
"""Compressed already."""


class Broken(ValueError):
    """The archive is not what it says; each problem is a sentence."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)


class Archive(Requested):
    """``spec`` and ``triplets`` as launched, fingerprints of ``datasets``, and ``versions`` of packages that runs had."""

    model_config = ConfigDict(allow_inf_nan=True)

    format: Literal[1] = 1
    number: int | None
    """Of the experiment in its laboratory, None of one that was run without any."""
    name: str = Field(max_length=120)
    owner: str = Field(max_length=150)
    launched_at: datetime
    ended_at: datetime
    spec: dict[str, Any]
    triplets: list[dict[str, Any]]
    result: Result | None
    versions: dict[str, list[str]]
    datasets: dict[str, str]


def seal(folder: Path) -> str:
    """Writes the checksums of all files below ``folder`` and returns the content hash."""
    lines = [f"{digest(folder / name)}  {name}\n" for name in names(folder) if name != CHECKSUMS]
    with atomic(folder / CHECKSUMS) as path:
        path.write_text("".join(lines))
    return content_hash(folder)


def content_hash(folder: Path) -> str:
    return digest(folder / CHECKSUMS)


def verify(folder: Path) -> str:
    """The content hash. Raises Broken with a sentence for each file that is missing, was added, or is not what it was."""
    try:
        said = {name: told for told, name in (_parsed(line) for line in (folder / CHECKSUMS).read_text().splitlines())}
    except (OSError, UnicodeDecodeError):
        raise Broken(f"There is no {CHECKSUMS} that can be read.") from None
    there = [name for name in names(folder) if name != CHECKSUMS]
    problems = [f"{name} is missing." for name in sorted(said.keys() - set(there))]
    problems += [f"{name} is in no checksum." for name in sorted(set(there) - said.keys())]
    changed = [name for name in there if name in said and digest(folder / name) != said[name]]
    problems += [f"{name} is not what it was when the archive was made." for name in changed]
    if problems:
        raise Broken(*problems)
    return content_hash(folder)


def _parsed(line: str) -> tuple[str, str]:
    found = LINE.fullmatch(line)
    if not found:
        raise Broken(f"{CHECKSUMS} has a line that is no checksum: {line[:80]}")
    return found[1], found[2]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def pack(folder: Path, target: Path) -> None:
    """The folder as a zip file, of which the same folder gives the same bytes."""
    with atomic(target) as path, zipfile.ZipFile(path, "w", allowZip64=True) as packed:
        for name in names(folder):
            entry = zipfile.ZipInfo(name)  # dated 1980
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
            with (folder / name).open("rb") as source, packed.open(entry, "w", force_zip64=True) as sink:
                while block := source.read(BLOCK):
                    sink.write(block)


def unpack(source: Path, folder: Path) -> None:
    """Raises Broken for what is no archive: other names, one name twice, or more bytes than any archive has."""
    try:
        with zipfile.ZipFile(source) as packed:
            entries = packed.infolist()
            if strange := [entry.filename for entry in entries if not NAME.fullmatch(entry.filename)]:
                raise Broken(f"An archive of an experiment has no file {strange[0][:80]!r}.")
            if len({entry.filename for entry in entries}) < len(entries):
                raise Broken("A file is in the archive twice.")
            left = LARGEST
            for entry in entries:
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(entry) as file, target.open("wb") as sink:
                    while block := file.read(BLOCK):
                        left -= len(block)
                        if left < 0:
                            raise Broken(f"The archive unpacks to more than {LARGEST >> 30} GB.")
                        sink.write(block)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise Broken(f"This is no zip file that can be read: {error}") from None


def read(folder: Path) -> Archive:
    """Raises Broken where archive.json is none of this version."""
    try:
        return Archive.model_validate_json((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Broken(f"{ABOUT} cannot be read by this version: {error}") from None


def read_events(folder: Path, key: str) -> list[Told]:
    """What the run told, oldest first. Raises Broken."""
    try:
        with (folder / "runs" / key / EVENTS).open(encoding="utf-8") as file:
            return [Told.model_validate_json(line) for line in file]
    except (OSError, ValueError) as error:
        raise Broken(f"The events of run {key[:12]} cannot be read: {error}") from None


def versions_of(starts: Iterable[RunStarted]) -> dict[str, list[str]]:
    """The versions of each package that runs were started with, in order."""
    found = defaultdict[str, set[str]](set)
    for start in starts:
        for package, version in start.versions.items():
            found[package].add(version)
    return {name: sorted(versions) for name, versions in sorted(found.items())}


def differences(one: Any, other: Any, path: str = "result") -> list[str]:
    """Where two JSON documents differ, as sentences; numbers may differ in their last digits, as sums on two machines do."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(name for name in other if name not in one)]
        return [line for name in names for line in differences(one.get(name), other.get(name), f"{path}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for at, (this, that) in pairs for line in differences(this, that, f"{path}.{at}")]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
    same = math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) if numbers else one == other
    return [] if same else [f"{path} says {one}, and the predictions give {other}."]
