"""The child process that reads uploaded files: ``python -m training data`` and ``python -m training outside``."""

from pathlib import Path

from django.conf import settings

from training.command_output import NOTICE, Notice
from webapp.child_processes import Child

LARGEST_MEMORY = 6 * 2**30
"""Bytes for the child, so that a file with a false size takes no more memory than this."""


def start(*arguments: str, command: str = "data") -> Child[Notice]:
    log = Path(settings.LOG_DIR) / "imports.log"
    return Child(["-m", "training", command, *arguments], NOTICE, log, memory=LARGEST_MEMORY)
