"""Programs that make one file each: started afresh, so that what they take goes with them, and few at a time."""

import subprocess
import sys
from pathlib import Path

from webapp.charts.file_cache import Once
from webapp.charts.renderers import RENDERERS, NotDrawn

SECONDS = 60

FILES = Once(2**26)
"""What was drawn and printed last, by what it was made of."""

ROOT = Path(__file__).resolve().parents[2]


def made_by(module: str, how: str, sent: bytes, what: str, done: str) -> bytes:
    """What ``python -m module how`` writes to its stdout for ``sent``; ``what`` is ``done`` by it: a picture is drawn.

    NotDrawn: it took too long, others were at work for too long, or it failed. TooMany: who asks waits for others already.
    """

    def make() -> bytes:
        with RENDERERS.turn(SECONDS):
            return _made(module, how, sent, what, done)

    return FILES.get((module.encode(), how.encode(), sent), make)


def _made(module: str, how: str, sent: bytes, what: str, done: str) -> bytes:
    try:
        command = [sys.executable, "-m", module, how]
        found = subprocess.run(command, input=sent, capture_output=True, cwd=ROOT, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotDrawn(f"The {what} was not {done} within {SECONDS} seconds.") from error
    if found.returncode or not found.stdout:
        said = found.stderr.decode(errors="replace").strip().splitlines() or ["no word of why"]
        raise NotDrawn(f"The {what} could not be {done}: {said[-1][:300]}")
    return found.stdout
