"""Loading of registered data sets with ``datasets``: from the Hub, from its local cache, or from a mirror folder."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.catalog import hub
from training.catalog.registry import Registered
from training.engine.data.families.example import Row
from training.engine.errors import CorruptData

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Loaded splits, their rows on disk; ``licence`` is that of the Hub's card, empty without one."""

    parts: tuple[Any, ...]
    where: str
    licence: str

    @property
    def total(self) -> int:
        return sum(len(part) for part in self.parts)

    def rows(self) -> Iterator[Row]:
        for part in self.parts:
            yield from part


def load(entry: Registered, mirror: Path | None) -> Source:
    """Return the splits of ``entry``. Raises CorruptData with one sentence where they cannot be loaded."""
    # Takes a second to import, which commands without fetching need not pay.
    import datasets

    datasets.disable_progress_bars()
    if mirror is not None and not mirror.is_dir():
        raise CorruptData(f"There is no folder {mirror}.")
    commit, licence = ("", "") if mirror else _commit(entry)
    try:
        parts = [_split(datasets, entry, split, mirror, commit) for split in entry.splits]
    except Exception as error:
        raise CorruptData(_sentence(entry, mirror, error)) from None
    return Source(tuple(parts), str(mirror) if mirror else _where(entry, commit), licence)


def _where(entry: Registered, commit: str) -> str:
    config = f", {entry.config}" if entry.config != "default" else ""
    return f"{entry.repository} on the Hub{config}" + (f", commit {commit[:12]}" if commit else "")


def _commit(entry: Registered) -> tuple[str, str]:
    """Return the commit to load, and the licence on the Hub's card; both empty where the Hub does not respond."""
    import huggingface_hub

    api = huggingface_hub.HfApi(token=hub.token())
    try:
        commit = str(api.dataset_info(entry.repository, revision=entry.revision or None, timeout=hub.TIMEOUT_SECONDS).sha)
        card = api.dataset_info(entry.repository, timeout=hub.TIMEOUT_SECONDS).card_data
    except Exception as error:  # the loading that follows reports the problem, or uses the cache
        log.info("%s: %s", entry.repository, error)
        return "", ""
    licence = getattr(card, "license", None) or ""
    return commit, ", ".join(licence) if isinstance(licence, list) else str(licence)


def _split(datasets: Any, entry: Registered, split: str, mirror: Path | None, commit: str) -> Any:
    if mirror is not None:
        names = datasets.get_dataset_config_names(str(mirror))
        return datasets.load_dataset(str(mirror), entry.config if entry.config in names else None, split=split)  # nosec B615
    if entry.revision:
        # The Hub's own conversion keeps a folder for each configuration, with a folder for each split.
        files = {split: f"{entry.config}/{split}/*.parquet"}
        revision = commit or entry.revision
        return datasets.load_dataset(entry.repository, data_files=files, revision=revision, split=split, token=hub.token())
    config = None if entry.config == "default" else entry.config
    return datasets.load_dataset(entry.repository, config, revision=commit or None, split=split, token=hub.token())


def _sentence(entry: Registered, mirror: Path | None, error: Exception) -> str:
    """Return the error as a sentence; libraries distinguish these cases by classes of several packages, and by messages."""
    names, words = {kind.__name__ for kind in type(error).__mro__}, str(error).partition("\n")[0]
    if mirror is not None:
        return f"The folder {mirror} cannot be read as {entry.repository}: {words}"
    where = f"“{entry.repository}”"
    if "GatedRepoError" in names or "gated" in words.lower():
        return f"{where} is gated: accept its terms on the Hub, and set HF_TOKEN to a token of that account."
    if names & {"OfflineModeIsEnabled"} or (names & {"ConnectionError"} and os.environ.get("HF_HUB_OFFLINE")):
        return f"HF_HUB_OFFLINE is set and {where} is not on this machine."
    if names & {"RepositoryNotFoundError", "DatasetNotFoundError"}:
        return f"There is no data set {where} on the Hub that HF_TOKEN, or nobody, may read."
    if names & {"ConnectionError", "ConnectError", "TimeoutException", "HTTPError", "HfHubHTTPError", "TransportError"}:
        return f"The Hub cannot be reached, and {where} is not on this machine."
    if "DataFilesNotFoundError" in names or "EmptyDatasetError" in names:
        return f"{where} on the Hub no longer has the files that the laboratory expects ({words})"
    return f"{where} cannot be loaded: {words}"
