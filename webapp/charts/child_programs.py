"""Programs that make one file each: a new process for each file, which returns its memory at the end, and few at a time."""

import subprocess
import sys
from pathlib import Path

from webapp.charts.file_cache import FileCache
from webapp.charts.renderers import RENDERERS, NotDrawn

SECONDS = 60

FILES = FileCache(2**26)
"""The files that were made last, by the content they were made from."""

ROOT = Path(__file__).resolve().parents[2]


def made_by(module: str, how: str, sent: bytes, what: str, done: str) -> bytes:
    """Return what ``python -m module how`` writes to its stdout for the input ``sent``.

    Messages name the file by ``what`` and ``done``, as in: the picture was not drawn. Raises NotDrawn if the program failed, or
    if it or the wait for a renderer took too long, and TooMany if the requester waits for enough files already.
    """

    def make() -> bytes:
        with RENDERERS.turn(SECONDS):
            return _made(module, how, sent, what, done)

    return FILES.get((module.encode(), how.encode(), sent), make)


def _made(module: str, how: str, sent: bytes, what: str, done: str) -> bytes:
    try:
        command = [sys.executable, "-m", module, how]
        process = subprocess.run(command, input=sent, capture_output=True, cwd=ROOT, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotDrawn(f"The {what} was not {done} within {SECONDS} seconds.") from error
    if process.returncode or not process.stdout:
        lines = process.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise NotDrawn(f"The {what} could not be {done}: {lines[-1][:300]}")
    return process.stdout
