"""The archive of an experiment: a folder that a Store reads, with what was asked, what was found, and checksums of every file.

archive.json            an Archive: spec, triplets, result, versions, fingerprints of data sets
runs/<key>/             run.json and events.jsonl; of a finished run predictions.parquet and trajectory.parquet, as in a Store
checksums.txt           as sha256sum writes it, by name; its own SHA-256 is the content hash of the whole
"""

import math
import re
import shutil
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from training.base_models import Requested
from training.events import EVENTS, RunStarted, Told
from training.metrics.results import Result
from training.names import DatasetName, Fingerprint, Key, within
from training.planning.plan import Triplet
from training.storage.atomic import atomic
from training.storage.checksums import digest as digest

CHECKSUMS = "checksums.txt"
ABOUT = "archive.json"
RUN = "run.json"
MADE = ("trajectory.parquet", "predictions.parquet")
"""What a finished run has; the predictions say that it has finished, so they come last."""
NAME = re.compile(rf"{ABOUT}|{CHECKSUMS}|runs/[0-9a-f]{{64}}/({'|'.join((RUN, EVENTS, *MADE))})".replace(".", r"\."))
LINE = re.compile(r"([0-9a-f]{64})  (.+)")

PRINTABLE = r"^[^\x00-\x08\x0a-\x1f\x7f]*$"
"""One line without control characters."""
LARGEST = 2**33
"""Bytes that an archive may unpack to, unless somebody says otherwise."""
LARGEST_FILES = {ABOUT: 2**26, CHECKSUMS: 2**26, RUN: 2**20, EVENTS: 2**26, **dict.fromkeys(MADE, 2**31)}
"""Bytes of one file, by its name: what is read as a whole has to fit into memory."""
LONGEST_LINE = 2**20
"""Characters of one event."""
MOST_FILES = 2**18
BLOCK = 2**20
STORED = (".parquet",)
"""Compressed already."""
UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)

Tick = Callable[[str, int, int], None]
"""Is called with a phase, and how much of how much is done in it."""


def quiet(phase: str, done: int, total: int) -> None:
    """Tell nobody."""


class Broken(ValueError):
    """The archive is not what it says; each problem is a sentence."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)


class Origin(Requested):
    """Where a run was trained: experiment ``number`` of ``owner``, None for the command line, as the archive ``content`` said.

    ``earlier`` is where that laboratory had it from, where it had not trained it either.
    """

    number: int | None
    owner: str = Field("", max_length=150, pattern=PRINTABLE)
    content: Key
    earlier: "Origin | None" = None


class Archive(Requested):
    """``spec`` and ``triplets`` as launched, fingerprints of ``datasets``, and ``versions`` of packages that runs had."""

    model_config = ConfigDict(allow_inf_nan=True)

    format: Literal[1] = 1
    number: int | None
    """Of the experiment in its laboratory, None of one that was run without any."""
    name: str = Field(min_length=1, max_length=120, pattern=PRINTABLE)
    owner: str = Field("", max_length=150, pattern=PRINTABLE)
    launched_at: datetime
    ended_at: datetime
    spec: dict[str, Any]
    triplets: list[Triplet]
    result: Result | None
    versions: dict[str, list[str]]
    datasets: dict[DatasetName, Fingerprint]
    imported: dict[Key, Origin] = Field(default_factory=dict)
    """Where the runs were trained that the laboratory of this archive had itself from another one."""

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Where no run was imported the field is left out, so that earlier versions can read the archive."""
        told: dict[str, Any] = serialize(self)
        if not self.imported:
            del told["imported"]
        return told


def seal(folder: Path) -> str:
    """Writes the checksums of all files below ``folder`` and returns the content hash."""
    lines = [f"{digest(folder / name)}  {name}\n" for name in names(folder) if name != CHECKSUMS]
    with atomic(folder / CHECKSUMS) as path:
        path.write_text("".join(lines))
    return content_hash(folder)


def content_hash(folder: Path) -> str:
    return digest(folder / CHECKSUMS)


def verify(folder: Path, tick: Tick = quiet) -> str:
    """The content hash. Raises Broken with a sentence for each file that is missing, was added, or is not what it was."""
    try:
        said = {name: told for told, name in (_parsed(line) for line in (folder / CHECKSUMS).read_text().splitlines())}
    except (OSError, UnicodeDecodeError):
        raise Broken(f"There is no {CHECKSUMS} that can be read.") from None
    there = [name for name in names(folder) if name != CHECKSUMS]
    problems = [f"{name} is missing." for name in sorted(said.keys() - set(there))]
    problems += [f"{name} is in no checksum." for name in sorted(set(there) - said.keys())]
    changed = []
    for done, name in enumerate(there):
        tick("comparing checksums", done, len(there))
        if name in said and digest(folder / name) != said[name]:
            changed.append(name)
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


def unpack(source: Path, folder: Path, largest: int | None = None, reserve: int = 0, tick: Tick = quiet) -> None:
    """Fill ``folder``, of whose disk ``reserve`` bytes must stay free. Raises Broken; what was written then is not removed here.

    An archive has no other names than its own, none twice, at most ``largest`` bytes in all and in each file as many as
    LARGEST_FILES has. That is asked of the zip file's own list before anything is written, and again of what is written.
    """
    try:
        with zipfile.ZipFile(source) as packed:
            entries = packed.infolist()
            total = _total(entries, largest or LARGEST)
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
            if total + reserve > free:
                raise Broken(
                    f"There is no room for the archive: it unpacks to {size(total)}, and of the disk {size(free)} are free."
                )
            done = 0
            for entry in entries:
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(entry) as file, target.open("wb") as sink:
                    written = 0
                    while block := file.read(BLOCK):
                        written += len(block)
                        if written > entry.file_size:
                            raise Broken(f"{entry.filename} is larger than the archive says.")
                        sink.write(block)
                        tick("unpacking", done + written, total)
                done += written
    except UNREADABLE as error:
        raise Broken(f"This is no zip file that can be read: {error}") from None


def _total(entries: list[zipfile.ZipInfo], largest: int) -> int:
    """Bytes that the entries say they unpack to. Raises Broken."""
    if len(entries) > MOST_FILES:
        raise Broken(f"The archive has {len(entries):,} files, and at most {MOST_FILES:,} are read.")
    if strange := [entry.filename for entry in entries if not NAME.fullmatch(entry.filename)]:
        raise Broken(f"An archive of an experiment has no file {strange[0][:80]!r}.")
    if len({entry.filename for entry in entries}) < len(entries):
        raise Broken("A file is in the archive twice.")
    for entry in entries:
        most = LARGEST_FILES[entry.filename.rpartition("/")[2]]
        if entry.file_size > most:
            raise Broken(f"{entry.filename} unpacks to {size(entry.file_size)}, and may have at most {size(most)}.")
    total = sum(entry.file_size for entry in entries)
    if total > largest:
        raise Broken(f"The archive unpacks to more than {size(largest)}: it would have {size(total)}.")
    return total


def size(count: int) -> str:
    """A number of bytes in the unit that fits it."""
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "KB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"


def read(folder: Path) -> Archive:
    """Raises Broken where archive.json is none of this version."""
    try:
        return Archive.model_validate_json(_without_nul((folder / ABOUT).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Broken(f"{ABOUT} cannot be read by this version: {brief(error)}") from None


def brief(error: Exception) -> str:
    """What is wrong, of a long list the first, without the value: it is somebody else's text."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:120]
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)[:300]


def read_events(folder: Path, key: str) -> list[Told]:
    """What the run told, oldest first. Raises Broken."""
    return list(each_event(folder, key))


def each_event(folder: Path, key: str) -> Iterator[Told]:
    """The same, one after the other: memory holds one line. Raises Broken."""
    try:
        with (within(folder / "runs", key) / EVENTS).open(encoding="utf-8") as file:
            while line := file.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    raise Broken(
                        f"The events of run {key[:12]} cannot be read: a line has more than {LONGEST_LINE:,} characters."
                    )
                yield Told.model_validate_json(_without_nul(line))
    except (OSError, ValueError) as error:
        if isinstance(error, Broken):
            raise
        raise Broken(f"The events of run {key[:12]} cannot be read: {brief(error)}") from None


def _without_nul(text: str) -> str:
    """NUL is a character that a database may not keep; programs write it into what they log."""
    return text.replace("\\u0000", "\\ufffd")


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
