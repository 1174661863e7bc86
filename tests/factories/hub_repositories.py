"""Repositories of a Hub: commits, branches, and files as the Hub lists them."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LFS = (".safetensors", ".parquet", ".bin")
"""Suffixes of files that are in LFS."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob_id(content: bytes) -> str:
    """Return the id that Git gives to a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    """A repository of the Hub: its commits by id, and what branches and tags point to.

    ``gated`` is "auto" or "manual" where only the tokens in ``readers`` may read its files.
    """

    kind: str
    name: str
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    gated: str | bool = False
    private: bool = False
    readers: set[str] = field(default_factory=set)

    def commit(self, files: dict[str, bytes], ref: str = "main") -> str:
        """Add a commit with exactly these files, to which ``ref`` points from now on. Return its id."""
        content = repr([self.name, *sorted((name, sha256(content)) for name, content in files.items())])
        commit = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = files
        self.refs[ref] = commit
        return commit

    def find(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.refs.get(revision)

    def info(self, commit: str, blobs: bool = False) -> dict[str, Any]:
        return {
            "_id": blob_id(self.name.encode())[:24],
            "id": self.name,
            "sha": commit,
            "private": self.private,
            "gated": self.gated,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "cardData": self.card,
            "safetensors": self.parameters and {"parameters": {"F32": self.parameters}, "total": self.parameters},
            "siblings": [_sibling(name, content, blobs) for name, content in self.commits[commit].items()],
        }

    def tree(self, commit: str, folder: str, recursive: bool) -> list[dict[str, Any]] | None:
        """Return the entries of a folder as the Hub lists them; None where there is no such folder."""
        inside = f"{folder}/" if folder else ""
        files = {name: content for name, content in self.commits[commit].items() if name.startswith(inside)}
        if not files:
            return None
        entries: dict[str, dict[str, Any]] = {}
        for name, content in sorted(files.items()):
            *folders, _ = name.removeprefix(inside).split("/")
            for depth in range(1, len(folders) + 1 if recursive else min(2, len(folders) + 1)):
                path = inside + "/".join(folders[:depth])
                entries[path] = {"type": "directory", "oid": blob_id(path.encode()), "size": 0, "path": path}
            if recursive or not folders:
                entries[name] = _file_entry(name, content)
        return list(entries.values())


def _file_entry(name: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "oid": blob_id(content), "size": len(content), "path": name}
    if name.endswith(LFS):
        entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
    return entry


def _sibling(name: str, content: bytes, blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": name}
    if blobs:
        sibling |= {"size": len(content), "blobId": blob_id(content)}
    if blobs and name.endswith(LFS):
        sibling["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
    return sibling


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their relative paths."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
