"""Loading of registered data sets with ``datasets``: from the Hub, from its local cache, or from a mirror folder."""

import glob
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.catalog.hub_client import TIMEOUT_SECONDS, connect, deadline, refusal, token
from training.catalog.registry import Registered
from training.engine.data.families.example import Row
from training.engine.data.rules import OnProgress
from training.engine.errors import CorruptData, Stopped
from training.engine.hub_download import Repository, patiently
from training.storage.atomic import out_of_room

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


def load(entry: Registered, mirror: Path | None, on_progress: OnProgress) -> Source:
    """Return the splits of ``entry``. Raises CorruptData with one sentence where they cannot be loaded, and Stopped."""
    # Takes a second to import, which commands without fetching need not pay.
    import datasets

    datasets.disable_progress_bars()
    if mirror is not None and not mirror.is_dir():
        raise CorruptData(f"There is no folder {mirror}.")
    try:
        if mirror is not None:
            return Source(tuple(_mirrored(datasets, entry, split, mirror) for split in entry.splits), str(mirror), "")
        commit, licence = _commit(entry, on_progress)
        if commit:
            return _from_hub(entry, commit, licence, on_progress)
        with deadline(0):  # or the client would try again and again to reach the Hub
            return Source(_splits(_builder(entry, ""), entry), _where(entry, ""), "")
    except Stopped:
        raise
    except Exception as error:
        if out_of_room(error):
            raise
        raise CorruptData(_sentence(entry, mirror, error)) from None


def _where(entry: Registered, commit: str) -> str:
    config = f", {entry.config}" if entry.config != "default" else ""
    return f"{entry.repository} on the Hub{config}" + (f", commit {commit[:12]}" if commit else "")


def _commit(entry: Registered, on_progress: OnProgress) -> tuple[str, str]:
    """Return the commit to load, and the licence on the Hub's card; both empty where the Hub does not respond. Raises Busy."""
    from httpx2 import TransportError
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    def info(revision: str | None) -> Any:
        api = connect().HfApi(token=token())
        return patiently(lambda: api.dataset_info(entry.repository, revision=revision, timeout=TIMEOUT_SECONDS), on_progress)

    try:
        commit = str(info(entry.revision or None).sha)
        card = info(None).card_data
    except (TransportError, OfflineModeIsEnabled) as error:
        log.info("%s: %s", entry.repository, error)
        return "", ""
    except HfHubHTTPError as error:
        if error.response.status_code < 500:
            raise
        return "", ""
    licence = getattr(card, "license", None) or ""
    return commit, ", ".join(licence) if isinstance(licence, list) else str(licence)


def _from_hub(entry: Registered, commit: str, licence: str, on_progress: OnProgress) -> Source:
    """Return the splits at ``commit``; their files are downloaded first, which shows progress and can be stopped."""
    builder = patiently(lambda: _builder(entry, commit), on_progress)
    repository = Repository("dataset", entry.repository, commit)
    addresses = [str(address) for files in builder.config.data_files.values() for address in files]
    prefix = f"hf://datasets/{entry.repository}@{commit}/"
    if not all(address.startswith(prefix) for address in addresses):
        raise ConnectionError  # the Hub went away meanwhile, and the library took another commit from its cache
    repository.download([glob.escape(address.removeprefix(prefix)) for address in addresses], on_progress)
    return Source(patiently(lambda: _splits(builder, entry), on_progress), _where(entry, commit), licence)


def _builder(entry: Registered, commit: str) -> Any:
    import datasets

    options: dict[str, Any] = {"revision": commit or entry.revision or None, "token": token()}
    if entry.revision:
        # The Hub's own conversion keeps a folder for each configuration, with a folder for each split.
        options["data_files"] = {split: f"{entry.config}/{split}/*.parquet" for split in entry.splits}
    elif entry.config != "default":
        options["name"] = entry.config
    connect()
    return datasets.load_dataset_builder(entry.repository, **options)


def _splits(builder: Any, entry: Registered) -> tuple[Any, ...]:
    builder.download_and_prepare()
    return tuple(builder.as_dataset(split=split) for split in entry.splits)


def _mirrored(datasets: Any, entry: Registered, split: str, mirror: Path) -> Any:
    names = datasets.get_dataset_config_names(str(mirror))
    return datasets.load_dataset(str(mirror), entry.config if entry.config in names else None, split=split)  # nosec B615


def _sentence(entry: Registered, mirror: Path | None, error: Exception) -> str:
    """Return the error as a sentence; libraries distinguish these cases by classes of several packages, and by messages."""
    names, words = {kind.__name__ for kind in type(error).__mro__}, str(error).partition("\n")[0]
    if mirror is not None:
        return f"The folder {mirror} cannot be read as {entry.repository}: {words}"
    where = f"“{entry.repository}”"
    if sentence := refusal(error, "data set", entry.repository, entry.revision):
        return sentence
    if "gated" in words.lower():
        return f"{where} is gated: accept its licence on the Hub, and set HF_TOKEN to a token of that account."
    if names & {"OfflineModeIsEnabled"} or (names & {"ConnectionError"} and os.environ.get("HF_HUB_OFFLINE")):
        return f"HF_HUB_OFFLINE is set and {where} is not on this machine."
    if "DatasetNotFoundError" in names:
        return f"There is no data set {where} on the Hub that HF_TOKEN, or nobody, may read."
    if names & {"ConnectionError", "ConnectError", "TimeoutException", "HTTPError", "HfHubHTTPError", "TransportError"}:
        return f"The Hub cannot be reached, and {where} is not on this machine."
    if "DataFilesNotFoundError" in names or "EmptyDatasetError" in names:
        return f"{where} on the Hub no longer has the files that the laboratory expects ({words})"
    return f"{where} cannot be loaded: {words}"
