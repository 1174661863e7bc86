"""The store of artifacts as every part of the web opens it."""

from pathlib import Path

from django.conf import settings

from training import Store
from training.storage.remote import open_remote
from training.storage.shared_files import LISTED


def store_is_reachable() -> bool:
    """Return whether the store answers that machines share; true without one."""
    shared = artifact_store().shared
    return shared is None or shared.reachable()


def artifact_store() -> Store:
    """Return the store in ARTIFACTS_DIR, with its files at ARTIFACTS_URL where that is set."""
    remote = open_remote(settings.ARTIFACTS_URL) if settings.ARTIFACTS_URL else None
    return Store(settings.ARTIFACTS_DIR, remote, settings.ARTIFACTS_CACHE_BYTES)


def shares_folder() -> Path:
    """Return the folder of frozen versions of shares; with a store, that of this machine's copies, which the bound includes."""
    return Path(settings.ARTIFACTS_DIR) / LISTED if settings.ARTIFACTS_URL else Path(settings.SHARES_DIR)
