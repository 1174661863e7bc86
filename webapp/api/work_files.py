"""The files of a worker by HTTPS alone, by their names in the artifact store; each is visible as a whole or not at all."""

import re
import tempfile
from itertools import islice
from pathlib import Path
from typing import IO

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router, Schema, Status

from training.spec import Problem
from training.storage.remote import FolderRemote, Remote
from webapp import temporary_files
from webapp.actions import worker_files
from webapp.actions.worker_files import Changed, Taken
from webapp.api.datasets import Invalid
from webapp.api.work import WorkerName, name_of
from webapp.explorer.download import download

router = Router()

DIGEST = re.compile(r"[0-9a-f]{64}")
HEADER = "X-Content-SHA256"
RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})")
LONGEST_RANGE = 2**26
MOST_NAMES = 10_000
NO_DIGEST = f"The header {HEADER} must be the SHA-256 of the file, in 64 hexadecimal digits."
CHANGED = "What arrived is not the file with this checksum. Nothing was stored; send it again."


class NamesOut(Schema):
    names: list[str]


@router.get("/work/{worker}/files", response=NamesOut)
def names(request: HttpRequest, worker: WorkerName, prefix: str) -> NamesOut:
    """List the names of files that begin with ``prefix``, which contains the folder."""
    return NamesOut(names=list(islice(worker_files.listed(name_of(request, worker), prefix), MOST_NAMES)))


@router.api_operation(["HEAD"], "/work/{worker}/files/{path:name}")
def look(request: HttpRequest, worker: WorkerName, name: str) -> HttpResponse:
    """Return the size of a file, as the header Content-Length."""
    _, _, size = _located(request, worker, name)
    return HttpResponse(headers={"Content-Length": str(size)})


def _located(request: HttpRequest, worker: str, name: str) -> tuple[Remote, str, int]:
    """Return the store with a file, its name there, and its size. Raises PermissionDenied, Http404."""
    remote, name_there = worker_files.readable(name_of(request, worker), name)
    size = remote.size(name_there)
    if size is None:
        raise Http404
    return remote, name_there, size


@router.get("/work/{worker}/files/{path:name}")
def read(request: HttpRequest, worker: WorkerName, name: str) -> HttpResponseBase:
    """Download a file, or with the header Range a part of it."""
    remote, name, size = _located(request, worker, name)
    part = RANGE.fullmatch(request.headers.get("Range", ""))
    if part and 0 <= int(part[2]) - int(part[1]) < LONGEST_RANGE and int(part[1]) < size:
        begin = int(part[1])
        content = remote.read(name, begin, int(part[2]) - begin + 1)
        about = f"bytes {begin}-{begin + len(content) - 1}/{size}"
        return HttpResponse(content, "application/octet-stream", 206, headers={"Content-Range": about})
    return download(_opened(remote, name), Path(name).name)


def _opened(remote: Remote, name: str) -> IO[bytes]:
    if isinstance(remote, FolderRemote):
        return (remote.folder / name).open("rb")
    with tempfile.TemporaryDirectory(dir=temporary_files.folder()) as folder:
        copy = Path(folder) / "file"
        remote.download(name, copy)
        return copy.open("rb")  # which lives on without its name


@router.put("/work/{worker}/files/{path:name}", response={204: None, 409: None})
def write(request: HttpRequest, worker: WorkerName, name: str) -> Status[None]:
    """Upload a file of a run that the worker holds, or a new one that all runs share; the body is its content.

    The header X-Content-SHA256 is its checksum, which is compared before the file is visible. The answer is 409 where a shared
    file of this name exists.
    """
    worker_files.writable(name_of(request, worker), name)
    digest = request.headers.get(HEADER, "")
    if not DIGEST.fullmatch(digest):
        raise Invalid(Problem(HEADER, NO_DIGEST))
    with tempfile.NamedTemporaryFile(dir=temporary_files.folder()) as file:
        try:
            worker_files.receive(request.read, digest, file)
            remote = worker_files.writable(name_of(request, worker), name)  # again: the lease may have ended meanwhile
            worker_files.put(remote, name, Path(file.name), digest)
        except Changed:
            raise Invalid(Problem("", CHANGED)) from None
        except Taken:
            return Status(409, None)
    return Status(204, None)


@router.delete("/work/{worker}/files/{path:name}", response={204: None, 409: None})
def remove(request: HttpRequest, worker: WorkerName, name: str) -> Status[None]:
    """Delete a file of a run that the worker holds, or a shared one that does not fit its checksum, else the answer is 409."""
    try:
        worker_files.remove(name_of(request, worker), name)
    except Taken:
        return Status(409, None)
    return Status(204, None)
