"""Files of the Hub, downloaded into the cache of its client: with progress, stoppable, and continued where they ended.

The files of LFS, which are the large ones, are downloaded here. The client would delete a file that was downloaded in part, and
compares lengths only: here a part stays in the cache until the next attempt, and the content must have the SHA-256 that the Hub
states. Everything else, and the layout of the cache, is left to the client.
"""

import fnmatch
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from filelock import FileLock, Timeout

from training.catalog.hub_client import TIMEOUT_SECONDS, Busy, connect, deadline, token
from training.engine.errors import EngineError
from training.events import DOWNLOADING, STARTING, WAITING_FOR_HUB

Kind = Literal["model", "dataset"]
OnProgress = Callable[[str, int, int], None]
"""Callback for progress: a phase, the bytes or seconds done, and their total; may raise Stopped."""

Result = TypeVar("Result")

EVERY_SECONDS = 0.25
"""Time between two calls for progress, and so the longest time to notice a request to stop while bytes arrive."""
SILENCE_SECONDS = 3.0
"""The longest silence in a download before the connection is made anew: shorter than the time that a stopped run has to end."""
LONGEST_WAIT = 600
"""The longest time in seconds that the Hub may ask to wait; its limits are by windows of five minutes."""
WAITS, ATTEMPTS = 5, 20
"""The most waits for one request, and the most attempts in a row that bring no new byte."""
PAUSE_SECONDS = 1
"""Time before a connection is made anew."""


class LargeFile(NamedTuple):
    """A file of LFS: its path in the repository, its size in bytes, and the SHA-256 of its content."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Repository:
    """A repository of the Hub at a commit."""

    kind: Kind
    name: str
    commit: str

    @property
    def cache(self) -> Path:
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=self.name, repo_type=self.kind)

    def snapshot(self, patterns: Sequence[str], on_progress: OnProgress) -> Path:
        """Return the folder with the files whose paths match one of the ``patterns``, downloaded where they are not there yet.

        Raises Stopped, Busy, and the errors of the Hub's client and of the disk.
        """
        if (folder := self.complete(patterns)) is not None:
            return folder
        reached = self.download(patterns, on_progress)
        options: dict[str, Any] = {"repo_type": self.kind, "revision": self.commit, "allow_patterns": list(patterns)}

        def rest() -> str:
            with deadline(2 * TIMEOUT_SECONDS):  # for the list of files, which the client would request again and again
                path: str = connect().snapshot_download(self.name, token=token(), local_files_only=not reached, **options)
                return path

        return Path(patiently(rest, on_progress))

    def complete(self, patterns: Sequence[str]) -> Path | None:
        """Return the folder where the cache knows that every file is there; one with another length is removed."""
        hub, folder = connect(), self.cache / "snapshots" / self.commit
        from huggingface_hub.errors import CachedRepoTreeNotFoundError

        try:
            files = hub.get_cached_repo_tree(self.name, repo_type=self.kind, revision=self.commit)
        except CachedRepoTreeNotFoundError:
            return None
        complete = True
        for file in files:
            path = folder / file.path
            if _matches(file.path, patterns) and not (path.is_file() and path.stat().st_size == file.size):
                complete = False
                if path.is_file():
                    path.resolve().unlink()
                    path.unlink(missing_ok=True)
        return folder if complete else None

    def download(self, patterns: Sequence[str], on_progress: OnProgress) -> bool:
        """Download the large files that match and are not in the cache. Return whether the Hub responds."""
        from httpx2 import TransportError
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        try:
            files = patiently(lambda: self._large_files(patterns), on_progress)
        except (TransportError, OfflineModeIsEnabled):
            return False
        except HfHubHTTPError as error:
            if error.response.status_code < 500:
                raise
            return False
        missing = [file for file in files if not (self.cache / "blobs" / file.sha256).exists()]
        done, total = 0, sum(file.size for file in missing)
        for file in missing:

            def report(bytes_of_file: int, before: int = done, phase: str = phase_of(file.path)) -> None:
                on_progress(phase, before + bytes_of_file, total)

            self._fetch(file, report, on_progress)
            done += file.size
        if missing:
            on_progress(STARTING, 0, 0)
        return True

    def _large_files(self, patterns: Sequence[str]) -> list[LargeFile]:
        from huggingface_hub.constants import MAX_HTTP_DOWNLOAD_SIZE  # larger ones need a protocol that the client speaks

        api = connect().HfApi(token=token())
        options: dict[str, Any] = {"repo_type": self.kind, "revision": self.commit, "files_metadata": True}
        info = api.repo_info(self.name, timeout=2 * TIMEOUT_SECONDS, **options)
        return [
            LargeFile(file.rfilename, file.lfs.size, file.lfs.sha256)
            for file in info.siblings or ()
            if file.lfs and _matches(file.rfilename, patterns) and file.lfs.size <= MAX_HTTP_DOWNLOAD_SIZE
        ]

    def _fetch(self, file: LargeFile, report: Callable[[int], None], on_progress: OnProgress) -> None:
        """Download one file into the cache; of two processes that need it, one downloads and the other waits."""
        blob = self.cache / "blobs" / file.sha256
        lock = self.cache.parent / ".locks" / self.cache.name / f"{file.sha256}.lock"  # the client's own lock for this file
        for folder in (blob.parent, lock.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with held(lock, lambda: report(0)):
            if blob.exists():
                return
            part = blob.with_name(f"{file.sha256}.incomplete")
            if part.exists() and part.stat().st_size > file.size:
                part.unlink()
            for again in (True, False):
                _Download(self, file, part, report, on_progress).run()
                if _sha256(part, lambda: report(file.size)) == file.sha256:
                    part.replace(blob)
                    return
                part.unlink()
                if not again:
                    raise EngineError(f"{file.path} of “{self.name}” arrives with another content than the Hub states.")


class _Download:
    """The download of one file to ``part``, which may have its first bytes already."""

    def __init__(
        self, repository: Repository, file: LargeFile, part: Path, report: Callable[[int], None], on_progress: OnProgress
    ) -> None:
        self.file, self.part, self.report, self.on_progress = file, part, report, on_progress
        names = {"repo_type": repository.kind, "revision": repository.commit}
        self.url = connect().hf_hub_url(repository.name, file.path, **names)
        self.reported = 0.0

    def run(self) -> None:
        """Make attempts until the file is whole. Raises Stopped, Busy, and the last error of the connection or of the Hub."""
        from httpx2 import TransportError
        from huggingface_hub.errors import HfHubHTTPError

        self.part.touch()
        idle, size = 0, self._size
        while size < self.file.size:
            failure: Exception = ConnectionError(f"{self.file.path} ends before its last byte.")
            try:
                patiently(partial(self._receive, size), self.on_progress)
            except (TransportError, HfHubHTTPError) as error:
                if isinstance(error, HfHubHTTPError) and error.response.status_code < 500:
                    raise
                failure = error
            idle = idle + 1 if self._size <= size else 0
            if idle >= ATTEMPTS:
                raise failure
            size = self._size
            if size < self.file.size:
                wait(PAUSE_SECONDS, lambda _: self.report(self._size))

    @property
    def _size(self) -> int:
        return self.part.stat().st_size

    def _receive(self, start: int) -> None:
        """Add the bytes from ``start`` on, as far as they arrive. The credentials go to the Hub alone, not where it redirects."""
        from huggingface_hub.utils._headers import build_hf_headers
        from huggingface_hub.utils._http import hf_raise_for_status

        headers = build_hf_headers(token=token()) | {"Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={start}-"} if start else {}
        self._tell(start)
        with connect().get_session().stream("GET", self.url, headers=headers, timeout=SILENCE_SECONDS) as response:
            hf_raise_for_status(response)
            continues = response.status_code == 206
            with self.part.open("ab" if continues else "wb", buffering=0) as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    self._tell(file.tell())
        self.report(self._size)

    def _tell(self, size: int) -> None:
        if time.monotonic() - self.reported >= EVERY_SECONDS:
            self.reported = time.monotonic()
            self.report(size)


class held:  # noqa: N801 - read as a verb: with held(lock, report)
    """A lock between processes that reports while it waits."""

    def __init__(self, path: Path, report: Callable[[], None]) -> None:
        self.lock, self.report = FileLock(path), report

    def __enter__(self) -> None:
        while True:
            self.report()
            try:
                self.lock.acquire(timeout=EVERY_SECONDS)
            except Timeout:
                continue
            return

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def phase_of(path: str) -> str:
    """Return the phase in which the file at ``path`` is downloaded, in at most 40 characters."""
    return f"{DOWNLOADING} {Path(path).stem}"[:40]


def patiently(request: Callable[[], Result], on_progress: OnProgress) -> Result:
    """Return what ``request`` returns; where the Hub is busy, wait as long as it says. Raises Busy, Stopped."""
    for _ in range(WAITS):
        try:
            return request()
        except Busy as busy:
            seconds = 60 if busy.seconds is None else busy.seconds
            if seconds > LONGEST_WAIT:
                raise
            wait(seconds, partial(_report_wait, on_progress, seconds))
    return request()


def _report_wait(on_progress: OnProgress, seconds: int, waited: float) -> None:
    on_progress(WAITING_FOR_HUB, int(waited), seconds)


def wait(seconds: int, report: Callable[[float], None]) -> None:
    """Wait, and report the seconds that have passed."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < seconds:
        report(waited)
        time.sleep(min(EVERY_SECONDS, seconds - waited))


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def _sha256(path: Path, report: Callable[[], None]) -> str:
    """Return the SHA-256 of the file, and report at every 64 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(2**26):
            digest.update(part)
            report()
    return digest.hexdigest()
