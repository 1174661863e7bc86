"""Data sets on the Hub of the tests, published as their sources do."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.factories.hub_repositories import Repository
from tests.factories.hub_server import HubServer
from training import catalog
from training.catalog.registry import Registered


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def publish(hub: HubServer, name: str, rows: list[dict[str, Any]], entry: Registered | None = None) -> tuple[Repository, str]:
    """Publish rows of ``name``, or of ``entry``, as Parquet with a card or as code with the Hub's conversion, at a commit."""
    entry = entry or catalog.REGISTERED[name]
    repository = hub.dataset(entry.repository)
    repository.card = {"license": ["cc-by-sa-3.0"]}
    lines, files = ["---", "license: cc-by-sa-3.0", "configs:", f"- config_name: {entry.config}", "  data_files:"], {}
    for index, split in enumerate(entry.splits):
        path = f"{entry.config}/{split}/0000.parquet" if entry.revision else f"data/{split}-00000-of-00001.parquet"
        files[path] = parquet(rows[index :: len(entry.splits)])
        lines += [f"  - split: {split}", f"    path: data/{split}-*"]
    card = {"README.md": "\n".join([*lines, "---", "A card."]).encode()}
    if entry.revision:
        repository.commit({"README.md": b"A card.", f"{entry.repository.rpartition('/')[2]}.py": b"raise SystemExit"})
        return repository, repository.commit(files, entry.revision)
    return repository, repository.commit(card | files)
