"""The store of artifacts as every part of the web opens it."""

from django.conf import settings

from training import Store
from training.storage.remote import open_remote


def store_is_reachable() -> bool:
    """Return whether the store answers that machines share; true without one."""
    shared = artifact_store().shared
    return shared is None or shared.reachable()


def artifact_store() -> Store:
    """Return the store in ARTIFACTS_DIR, with its files at ARTIFACTS_URL where that is set."""
    remote = open_remote(settings.ARTIFACTS_URL) if settings.ARTIFACTS_URL else None
    return Store(settings.ARTIFACTS_DIR, remote, settings.ARTIFACTS_CACHE_BYTES)
