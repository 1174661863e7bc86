"""The store of a laboratory, whose address and bound the environment names: ARTIFACTS_URL and ARTIFACTS_CACHE_GB."""

import math
from pathlib import Path

from training import environment
from training.storage.artifacts import Store
from training.storage.remote import shared_remote

CACHE_GB = 50.0


def cache_bytes() -> float:
    """Return the bound of a machine's copies, infinite for 0. Raises SettingError."""
    return environment.number("ARTIFACTS_CACHE_GB", CACHE_GB) * 1e9 or math.inf


def open_store(root: Path) -> Store:
    """Return the store at ``root``, with its files at ARTIFACTS_URL where that is set. Raises SettingError."""
    return Store(root, shared_remote(), cache_bytes())
