"""Registered data sets through ``datasets``: from the Hub, from its cache on this machine, or from a folder laid out like one."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.catalog import hub
from training.catalog.registry import Registered
from training.engine.data.families.example import Row
from training.engine.errors import CorruptData


@dataclass(frozen=True)
class Source:
    """Loaded splits, their rows on disk; ``licence`` is what the Hub's card says, if it says anything."""

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
    """The splits of ``entry``. Raises CorruptData with one sentence where they cannot be had."""
    # Costs a second, which commands that fetch nothing need not pay.
    import datasets

    datasets.disable_progress_bars()
    if mirror is not None and not mirror.is_dir():
        raise CorruptData(f"There is no folder {mirror}.")
    try:
        parts = [_split(datasets, entry, split, mirror) for split in entry.splits]
    except Exception as error:
        raise CorruptData(_sentence(entry, mirror, error)) from None
    licence = next((str(part.info.license) for part in parts if part.info.license), "")
    where = (
        str(mirror) if mirror else f"{entry.repository} on the Hub" + (f", {entry.config}" if entry.config != "default" else "")
    )
    return Source(tuple(parts), where, licence)


def _split(datasets: Any, entry: Registered, split: str, mirror: Path | None) -> Any:
    if mirror is not None:
        names = datasets.get_dataset_config_names(str(mirror))
        return datasets.load_dataset(str(mirror), entry.config if entry.config in names else None, split=split)
    if entry.revision:
        # The Hub's own conversion keeps a folder for each configuration, with a folder for each split.
        files = {split: f"{entry.config}/{split}/*.parquet"}
        return datasets.load_dataset(entry.repository, data_files=files, revision=entry.revision, split=split, token=hub.token())
    config = None if entry.config == "default" else entry.config
    return datasets.load_dataset(entry.repository, config, split=split, token=hub.token())


def _sentence(entry: Registered, mirror: Path | None, error: Exception) -> str:
    """What to say to a person; libraries tell these cases apart by classes of several packages, and by their words."""
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
