"""A Hub on loopback that speaks the protocol of huggingface.co: two HTTP servers, one for the Hub and one for its storage.

Small files come from the Hub, by a relative redirect. Files of LFS come from the storage, which is another origin. The
protocol is the one that the installed client speaks.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.factories.hub_faults import Fault, Request
from tests.factories.hub_repositories import LFS, Repository, blob_id, sha256

SIGNATURE = "made-for-this-address"
"""Signature of an address of the storage, which lets whoever has it read the file."""


class HubServer:
    """The two servers with their repositories, which may have ``moved`` from a name to another.

    ``requests`` are all that came, ``tokens`` those that are valid, and ``faults`` apply in their order.
    """

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.tokens: set[str] = set()
        self.moved: dict[str, str] = {}
        self._servers = {name: _serving(self, name) for name in ("hub", "storage")}
        self._ports = {name: server.server_address[1] for name, server in self._servers.items()}
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['hub']}"

    @property
    def storage(self) -> str:
        return f"http://127.0.0.1:{self._ports['storage']}"

    def model(self, name: str) -> Repository:
        return self.repositories.setdefault(("models", name), Repository("models", name))

    def dataset(self, name: str) -> Repository:
        return self.repositories.setdefault(("datasets", name), Repository("datasets", name))

    def fault(self, **fields: Any) -> Fault:
        self.faults.append(Fault(**fields))
        return self.faults[-1]

    def fault_of(self, request: Request) -> Fault | None:
        fault = next((fault for fault in self.faults if fault.applies(request)), None)
        if fault:
            fault.times -= 1
        return fault

    def received(self, server: str = "", method: str = "", path: str = "") -> list[Request]:
        """Return the requests that match."""
        return [
            request
            for request in self.requests
            if server in ("", request.server) and method in ("", request.method) and path in request.path
        ]

    def close(self) -> None:
        """Stop serving: from now on connections are refused."""
        for fault in self.faults:
            fault.goes_on.set()
        for server in self._servers.values():
            server.end()
        self._servers = {}


@contextmanager
def hub_server() -> Iterator[HubServer]:
    server = HubServer()
    try:
        yield server
    finally:
        server.close()


class _Serving(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: HubServer, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub, self.name = hub, name
        self.connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def end(self) -> None:
        """Stop listening, and hang up."""
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up."""


def _serving(hub: HubServer, name: str) -> _Serving:
    return _Serving(hub, name)


class _Refused(Exception):
    """The answer is an error, with the headers by which the Hub's client tells errors apart."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status = status
        self.headers = {"X-Error-Code": code} if code else {}
        self.headers |= {"X-Error-Message": message} if message else {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Serving
    fault: Fault | None = None

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        hub = self.server.hub
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.server.name, self.command, unquote(self.path), self.headers)
        hub.requests.append(request)
        self.fault = hub.fault_of(request)
        if self.fault and self.fault.status:
            self._answer(self.fault.status, b"", self.fault.headers)
            return
        before = next((name for name in hub.moved if f"/{name}" in self.path), None)
        if before:
            self._answer(307, b"", {"Location": self.path.replace(f"/{before}", f"/{hub.moved[before]}")})
            return
        try:
            if self.server.name == "storage":
                self._stored()
            elif self.path.startswith("/api/resolve-cache/"):
                _, _, _, kind, owner, name, commit, path = urlsplit(self.path).path.split("/", 7)
                self._small(self._repository(kind, unquote(f"{owner}/{name}")), commit, unquote(path))
            elif self.path.startswith("/api/"):
                self._api(body)
            else:
                self._resolve()
        except _Refused as refused:
            self._answer(refused.status, b"{}", refused.headers)

    def _answer(self, status: int, content: bytes, headers: dict[str, str], start: int = 0) -> None:
        fault = self.fault
        if fault and fault.silent:
            fault.waiting.set()
            fault.goes_on.wait()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        sent = content[start:]
        if fault is None or fault.after is None:
            self.wfile.write(fault.content(sent) if fault else sent)
            return
        self.wfile.write(sent[: fault.after])
        self.wfile.flush()
        fault.waiting.set()
        if not fault.cuts:
            fault.goes_on.wait()
            self.wfile.write(sent[fault.after :])
        self.close_connection = fault.cuts

    def _repository(self, kind: str, name: str) -> Repository:
        """Return the repository if this request may know of it."""
        hub = self.server.hub
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in hub.tokens:
            raise _Refused(401, message="Invalid credentials in Authorization header")
        repository = hub.repositories.get((kind, name))
        if repository is None or (repository.private and token not in repository.readers):
            raise _Refused(404 if token else 401, "RepoNotFound", "Repository not found")
        return repository

    def _readable(self, repository: Repository) -> None:
        """Refuse files of a gated repository to those who have not accepted its terms."""
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if repository.gated and token not in repository.readers:
            raise _Refused(403 if token else 401, "GatedRepo", f"Access to {repository.kind} {repository.name} is restricted")

    def _api(self, body: bytes) -> None:
        """Answer /api/models/ORG/NAME and what is below it."""
        address = urlsplit(self.path)
        _, _, kind, owner, name, *rest = address.path.split("/")
        repository = self._repository(kind, f"{owner}/{unquote(name)}")
        what, revision = rest[0] if rest else "", rest[1] if len(rest) > 1 else "main"
        commit = repository.find(unquote(revision))
        if commit is None:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {unquote(revision)}")
        if what in ("", "revision"):
            self._json(repository.info(commit, "blobs" in parse_qs(address.query)))
        elif what == "tree":
            recursive = parse_qs(address.query).get("recursive", [""])[0].lower() in ("true", "1")
            self._json(repository.tree(commit, unquote("/".join(rest[2:])), recursive), commit)
        elif what == "paths-info":
            paths = parse_qs(body.decode()).get("paths", [])
            every = {entry["path"]: entry for entry in repository.tree(commit, "", True) or []}
            self._json([every[path.rstrip("/")] for path in paths if path.rstrip("/") in every])
        else:
            raise _Refused(404)

    def _json(self, content: Any, commit: str = "") -> None:
        if content is None:
            raise _Refused(404, "EntryNotFound", "Entry not found")
        headers = {"Content-Type": "application/json"} | ({"X-Repo-Commit": commit} if commit else {})
        self._answer(200, json.dumps(content).encode(), headers)

    def _resolve(self) -> None:
        """Answer /ORG/NAME/resolve/REVISION/FILE: a relative redirect for a small file, one to the storage for one of LFS."""
        path = urlsplit(self.path).path.removeprefix("/")
        kind = "datasets" if path.startswith("datasets/") else "models"
        owner, name, _, revision, file = path.removeprefix("datasets/").split("/", 4)
        repository = self._repository(kind, f"{owner}/{name}")
        self._readable(repository)
        commit = repository.find(unquote(revision))
        if commit is None:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {unquote(revision)}")
        content = repository.commits[commit].get(unquote(file))
        if content is None:
            self._answer(404, b"Entry not found", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if not file.endswith(LFS):
            location = f"/api/resolve-cache/{kind}/{owner}/{name}/{commit}/{quote(unquote(file))}"
            self._answer(307, b"", headers | {"Location": location, "ETag": f'"{blob_id(content)}"'})
            return
        digest = sha256(content)
        self.server.hub.blobs[digest] = content
        headers |= {"X-Linked-Size": str(len(content)), "X-Linked-ETag": f'"{digest}"'}
        self._answer(302, b"", headers | {"Location": f"{self.server.hub.storage}/{digest}?Signature={SIGNATURE}"})

    def _small(self, repository: Repository, commit: str, file: str) -> None:
        self._readable(repository)
        content = repository.commits[commit][file]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{blob_id(content)}"', "Content-Type": "text/plain"}
        self._answer(200, content, headers)

    def _stored(self) -> None:
        """Answer with a file of LFS, or with the rest of it for a request with a range."""
        digest = urlsplit(self.path).path.removeprefix("/")
        content = self.server.hub.blobs.get(digest)
        if self.headers.get("Authorization") or content is None or f"Signature={SIGNATURE}" not in self.path:
            raise _Refused(400 if content else 404)  # as storages answer a second kind of credentials
        headers = {"ETag": f'"{digest}"', "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        wanted = self.headers.get("Range") if self.fault is None or self.fault.ranges else None
        if not wanted:
            self._answer(200, content, headers)
            return
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        if start >= len(content):
            self._answer(416, b"", headers | {"Content-Range": f"bytes */{len(content)}"})
            return
        self._answer(206, content, headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}, start)
