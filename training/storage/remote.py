"""A store that several machines share: files by name below one address, each visible as a whole or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from training import environment
from training.environment import SettingError
from training.storage.atomic import atomic, out_of_room

ATTEMPTS, CONNECT_SECONDS, READ_SECONDS = 3, 5, 60
"""Bounds of one request to object storage: a page that reads it is answered, and not left to wait."""


class StoreUnreachable(Exception):
    """The shared store refuses connections or requests, or is not what its address says. The message is a sentence for users."""


class Remote(Protocol):
    """Files by name: a relative path of ``/``-separated components. All methods raise StoreUnreachable.

    A file is replaced as a whole, and a partial upload is never visible. ``url`` names it to users, without a password. A remote
    can be pickled and used by several threads, and by a forked child.
    """

    url: str

    def size(self, name: str) -> int | None:
        """Return the bytes of a file, None where there is none."""

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names of the files that begin with ``prefix``, in any order."""

    def read(self, name: str, begin: int = 0, length: int | None = None) -> bytes:
        """Return at most ``length`` bytes from ``begin``, which is inside the file. Raises FileNotFoundError."""

    def download(self, name: str, target: Path) -> None:
        """Write a file's content to ``target``, which appears when it is complete. Raises FileNotFoundError."""

    def upload(self, source: Path, name: str) -> None:
        """Make the content of ``source`` the file ``name``."""

    def remove(self, name: str) -> None:
        """Delete a file, if it exists."""


class FolderRemote:
    """A folder that several machines mount, as ``file://`` names it."""

    def __init__(self, url: str) -> None:
        self.url, self.folder = url, Path(unquote(urlsplit(url).path))

    def size(self, name: str) -> int | None:
        with self._reaching(), suppress(FileNotFoundError):
            return (self.folder / name).stat().st_size
        return None

    def names(self, prefix: str) -> Iterator[str]:
        with self._reaching():
            for path in sorted((self.folder / prefix.rpartition("/")[0]).rglob("*")):
                name = path.relative_to(self.folder).as_posix()
                if name.startswith(prefix) and not path.name.startswith(".") and path.is_file():
                    yield name

    def read(self, name: str, begin: int = 0, length: int | None = None) -> bytes:
        with self._reaching(), (self.folder / name).open("rb") as file:
            file.seek(begin)
            return file.read(-1 if length is None else length)

    def download(self, name: str, target: Path) -> None:
        with self._reaching():
            source = (self.folder / name).open("rb")
        with source, atomic(target) as path, path.open("wb") as file:
            shutil.copyfileobj(source, file)

    def upload(self, source: Path, name: str) -> None:
        with source.open("rb") as file, self._reaching(), atomic(self.folder / name) as path, path.open("wb") as copy:
            shutil.copyfileobj(file, copy)

    def remove(self, name: str) -> None:
        with self._reaching():
            (self.folder / name).unlink(missing_ok=True)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Tell a folder that is gone from one without a file: a mount that failed must not look like an empty store."""
        if not self.folder.is_dir():
            raise StoreUnreachable(f"The store {self.url} cannot be reached: there is no such folder.")
        with translated(self.url):
            yield


class FsspecRemote:
    """Object storage: ``s3://BUCKET/FOLDER`` by s3fs, ``gs://BUCKET/FOLDER`` by gcsfs.

    A file above twice ``part_bytes`` is uploaded in parts of this size, and appears when the last one is there.
    """

    def __init__(self, url: str, part_bytes: int | None = None) -> None:
        parts = urlsplit(url)
        self.scheme, self.root = parts.scheme, f"{parts.netloc}{unquote(parts.path)}".rstrip("/")
        self.url, self.part_bytes, self.exists = f"{self.scheme}://{self.root}", part_bytes, False

    def size(self, name: str) -> int | None:
        with suppress(FileNotFoundError), self._reaching():
            return int(self._files.info(self._path(name))["size"])
        return None

    def names(self, prefix: str) -> Iterator[str]:
        folder, _, begin = prefix.rpartition("/")
        narrowed = {"prefix": begin} if self.scheme == "s3" and begin else {}
        with self._reaching():
            paths = self._files.find(self._path(folder), **narrowed)
        for path in paths:
            name = path.removeprefix(f"{self.root}/")
            if name.startswith(prefix):
                yield name

    def read(self, name: str, begin: int = 0, length: int | None = None) -> bytes:
        part = {} if length is None else {"start": begin, "end": begin + length}
        with self._reaching():
            data: bytes = self._files.cat_file(self._path(name), **part)
        return data if part else data[begin:]

    def download(self, name: str, target: Path) -> None:
        with atomic(target) as path, self._reaching():
            self._files.get_file(self._path(name), str(path))

    def upload(self, source: Path, name: str) -> None:
        size = source.stat().st_size
        options = {"chunksize": self.part_bytes} if self.part_bytes and self.scheme == "s3" else {}
        with self._reaching():
            self._files.put_file(str(source), self._path(name), **options)
            stored = self._files.info(self._path(name))["size"]
        if stored != size:
            raise StoreUnreachable(f"The store {self.url} has {stored} of {size} bytes of {name}.")

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError), self._reaching():
            self._files.rm_file(self._path(name))

    def create(self) -> None:
        with translated(self.url):
            if not self._files.exists(self._bucket):
                self._files.mkdir(self._bucket)

    @property
    def _bucket(self) -> str:
        return self.root.partition("/")[0]

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Tell a bucket that does not exist from one without a file: a wrong address must not look like an empty store."""
        with translated(self.url):
            try:
                yield
            except FileNotFoundError:
                self.exists = self.exists or self._files.exists(self._bucket)
                if not self.exists:
                    raise StoreUnreachable(f"The store {self.url} cannot be reached: there is no such bucket.") from None
                raise

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}".rstrip("/")

    @property
    def _files(self) -> Any:
        endpoint = environment.text("AWS_ENDPOINT_URL_S3") or environment.text("AWS_ENDPOINT_URL")
        return _file_system(self.scheme, endpoint, os.getpid())


@lru_cache(maxsize=8)
def _file_system(scheme: str, endpoint: str, process: int) -> Any:
    """Return the file system of fsspec for this ``process``: a forked child cannot use the connections of its parent.

    Credentials are those of the environment, as of every S3 client.
    """
    try:
        import fsspec

        kind = fsspec.get_filesystem_class(scheme)
    except ImportError:
        extra = "s3fs: install w2s-lab[s3]" if scheme == "s3" else "gcsfs"
        raise StoreUnreachable(f"A store at {scheme}:// needs the package {extra}.") from None
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if scheme == "s3":
        retries = {"total_max_attempts": ATTEMPTS, "mode": "standard"}
        options["endpoint_url"] = endpoint or None
        options["config_kwargs"] = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS, "retries": retries}
    return kind(**options)


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Raise StoreUnreachable for every error of a client's library but a missing file and a full disk here."""
    try:
        yield
    except (FileNotFoundError, StoreUnreachable, MemoryError):
        raise
    except Exception as error:
        if out_of_room(error):
            raise
        said = str(error).strip().rstrip(".") or type(error).__name__
        raise StoreUnreachable(f"The store {url} cannot be reached: {said}.") from error


def _of_worker(url: str) -> Remote:
    """Return the part of a laboratory's store that a worker without a database reaches, by HTTPS."""
    from training.storage.https_remote import HttpsRemote

    return HttpsRemote(url)


SCHEMES: dict[str, Callable[[str], Remote]] = {
    **{"file": FolderRemote, "s3": FsspecRemote, "gs": FsspecRemote},
    **{"https": _of_worker, "http": _of_worker},
}


def open_remote(url: str) -> Remote:
    """Return the store at this address; nothing is asked of it. Raises SettingError for an unknown scheme."""
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise SettingError(f"ARTIFACTS_URL must begin with {', '.join(f'{name}://' for name in SCHEMES)}.")
    return SCHEMES[scheme](url)


def create(remote: Remote) -> None:
    """Make the bucket of object storage, if it is not there. Raises StoreUnreachable."""
    if isinstance(remote, FsspecRemote):
        remote.create()


def shared_url() -> str:
    """Return ARTIFACTS_URL, empty for a laboratory whose artifacts are in one folder. Raises SettingError."""
    return environment.address("ARTIFACTS_URL", tuple(SCHEMES))


def shared_remote() -> Remote | None:
    """Return the store at ARTIFACTS_URL, None without one. Raises SettingError."""
    url = shared_url()
    return open_remote(url) if url else None
