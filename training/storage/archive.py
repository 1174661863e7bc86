"""The archive of an experiment: a folder in the layout of a Store, with the spec, the result, and checksums of every file.

archive.json            an Archive: spec, triplets, result, versions, fingerprints of data sets
runs/<key>/             run.json and events.jsonl; of a finished run predictions.parquet and trajectory.parquet, as in a Store
checksums.txt           in the format of sha256sum, by name; its own SHA-256 is the content hash of the archive
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
from training.events import EVENTS, EventRecord, RunStarted
from training.metrics.results import Result
from training.names import DatasetName, Fingerprint, Key, within
from training.planning.plan import Triplet
from training.storage.atomic import atomic
from training.storage.checksums import digest as digest

CHECKSUMS = "checksums.txt"
ABOUT = "archive.json"
RUN = "run.json"
RESULT_FILES = ("trajectory.parquet", "predictions.parquet")
"""Files of a finished run; the predictions mark it as finished, so they come last."""
NAME = re.compile(rf"{ABOUT}|{CHECKSUMS}|runs/[0-9a-f]{{64}}/({'|'.join((RUN, EVENTS, *RESULT_FILES))})".replace(".", r"\."))
LINE = re.compile(r"([0-9a-f]{64})  (.+)")

PRINTABLE = r"^[^\x00-\x08\x0a-\x1f\x7f]*$"
"""Pattern of one line without control characters."""
LARGEST = 2**33
"""Default limit of the unpacked bytes of an archive."""
LARGEST_FILES = {ABOUT: 2**26, CHECKSUMS: 2**26, RUN: 2**20, EVENTS: 2**26, **dict.fromkeys(RESULT_FILES, 2**31)}
"""Largest bytes of each file: files that are read at once have to fit into memory."""
LONGEST_LINE = 2**20
"""Largest number of characters of one event."""
MOST_FILES = 2**18
BLOCK = 2**20
STORED = (".parquet",)
"""Suffixes of files that are already compressed."""
UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)

OnProgress = Callable[[str, int, int], None]
"""Callback for progress: a phase, the amount done, and the total."""


def no_progress(phase: str, done: int, total: int) -> None:
    """Report no progress."""


class Broken(ValueError):
    """The archive is not valid; each problem is a sentence."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)


class Origin(Requested):
    """The origin of a run: experiment ``number`` of ``owner``, None for the command line, in the archive ``content``.

    ``earlier`` is the origin before that, where that laboratory had imported the run too.
    """

    number: int | None
    owner: str = Field("", max_length=150, pattern=PRINTABLE)
    content: Key
    earlier: "Origin | None" = None


class Archive(Requested):
    """An archived experiment: ``spec`` and ``triplets`` as launched, fingerprints of ``datasets``, ``versions`` of packages."""

    model_config = ConfigDict(allow_inf_nan=True)

    format: Literal[1] = 1
    number: int | None
    """Number of the experiment in its laboratory, None for the command line."""
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
    """Origins of the runs that the laboratory of this archive had imported."""

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave the field out where no run was imported, so that earlier versions can read the archive."""
        content: dict[str, Any] = serialize(self)
        if not self.imported:
            del content["imported"]
        return content


def seal(folder: Path) -> str:
    """Write the checksums of all files below ``folder`` and return the content hash."""
    lines = [f"{digest(folder / name)}  {name}\n" for name in names(folder) if name != CHECKSUMS]
    with atomic(folder / CHECKSUMS) as path:
        path.write_text("".join(lines))
    return content_hash(folder)


def content_hash(folder: Path) -> str:
    return digest(folder / CHECKSUMS)


def verify(folder: Path, on_progress: OnProgress = no_progress) -> str:
    """Return the content hash. Raises Broken with a sentence for each missing, added or changed file."""
    try:
        expected = {
            name: checksum for checksum, name in (_parsed(line) for line in (folder / CHECKSUMS).read_text().splitlines())
        }
    except (OSError, UnicodeDecodeError):
        raise Broken(f"There is no {CHECKSUMS} that can be read.") from None
    there = [name for name in names(folder) if name != CHECKSUMS]
    problems = [f"{name} is missing." for name in sorted(expected.keys() - set(there))]
    problems += [f"{name} is in no checksum." for name in sorted(set(there) - expected.keys())]
    changed = []
    for done, name in enumerate(there):
        on_progress("comparing checksums", done, len(there))
        if name in expected and digest(folder / name) != expected[name]:
            changed.append(name)
    problems += [f"{name} is not what it was when the archive was made." for name in changed]
    if problems:
        raise Broken(*problems)
    return content_hash(folder)


def _parsed(line: str) -> tuple[str, str]:
    match = LINE.fullmatch(line)
    if not match:
        raise Broken(f"{CHECKSUMS} has a line that is no checksum: {line[:80]}")
    return match[1], match[2]


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def pack(folder: Path, target: Path) -> None:
    """Write the folder as a zip file; equal folders give equal bytes."""
    with atomic(target) as path, zipfile.ZipFile(path, "w", allowZip64=True) as packed:
        for name in names(folder):
            entry = zipfile.ZipInfo(name)  # dated 1980
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
            with (folder / name).open("rb") as source, packed.open(entry, "w", force_zip64=True) as sink:
                while block := source.read(BLOCK):
                    sink.write(block)


def unpack(
    source: Path, folder: Path, largest: int | None = None, reserve: int = 0, on_progress: OnProgress = no_progress
) -> None:
    """Unpack into ``folder``, keeping ``reserve`` bytes of its disk free. Raises Broken and leaves the files written until then.

    An archive has only the names of its format, none twice, at most ``largest`` bytes in all and at most LARGEST_FILES in each
    file. The zip file's own list is checked before anything is written, and the written bytes are checked again.
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
                        on_progress("unpacking", done + written, total)
                done += written
    except UNREADABLE as error:
        raise Broken(f"This is no zip file that can be read: {error}") from None


def _total(entries: list[zipfile.ZipInfo], largest: int) -> int:
    """Return the unpacked bytes that the entries declare. Raises Broken."""
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
    """Return a number of bytes in a suitable unit."""
    for unit, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "KB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"


def read(folder: Path) -> Archive:
    """Return the content of archive.json. Raises Broken where it is not of this version."""
    try:
        return Archive.model_validate_json(_without_nul((folder / ABOUT).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Broken(f"{ABOUT} cannot be read by this version: {brief(error)}") from None


def brief(error: Exception) -> str:
    """Return the first problem of ``error``, without its value, which is untrusted text."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:120]
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return str(error)[:300]


def read_events(folder: Path, key: str) -> list[EventRecord]:
    """Return the events of the run, oldest first. Raises Broken."""
    return list(each_event(folder, key))


def each_event(folder: Path, key: str) -> Iterator[EventRecord]:
    """Yield the events of the run, oldest first, with one line in memory. Raises Broken."""
    try:
        with (within(folder / "runs", key) / EVENTS).open(encoding="utf-8") as file:
            while line := file.readline(LONGEST_LINE + 1):
                if len(line) > LONGEST_LINE:
                    raise Broken(
                        f"The events of run {key[:12]} cannot be read: a line has more than {LONGEST_LINE:,} characters."
                    )
                yield EventRecord.model_validate_json(_without_nul(line))
    except (OSError, ValueError) as error:
        if isinstance(error, Broken):
            raise
        raise Broken(f"The events of run {key[:12]} cannot be read: {brief(error)}") from None


def _without_nul(text: str) -> str:
    """Replace NUL, which PostgreSQL cannot store and which programs write into their logs."""
    return text.replace("\\u0000", "\\ufffd")


def versions_of(starts: Iterable[RunStarted]) -> dict[str, list[str]]:
    """Return the versions of each package with which runs were started, sorted."""
    by_package = defaultdict[str, set[str]](set)
    for start in starts:
        for package, version in start.versions.items():
            by_package[package].add(version)
    return {name: sorted(versions) for name, versions in sorted(by_package.items())}


def differences(first: Any, second: Any, path: str = "result") -> list[str]:
    """Return the differences of two JSON documents as sentences; floats may differ in their last digits, as between machines."""
    if isinstance(first, dict) and isinstance(second, dict):
        names = [*first, *(name for name in second if name not in first)]
        return [line for name in names for line in differences(first.get(name), second.get(name), f"{path}.{name}")]
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        return [line for at, (this, that) in pairs for line in differences(this, that, f"{path}.{at}")]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (first, second))
    same = math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12) if numbers else first == second
    return [] if same else [f"{path} says {first}, and the predictions give {second}."]
