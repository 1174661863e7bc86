"""Programs that make one file each: started afresh, so that what they take goes with them, and few at a time."""

import subprocess
import sys
from pathlib import Path
from threading import BoundedSemaphore

SECONDS = 60

AT_ONCE = BoundedSemaphore(2)
"""Programs that one web process has at work at the same time; each takes some 100 to 150 MB."""

ROOT = Path(__file__).resolve().parents[2]


class NotDrawn(Exception):
    """Why there is no file, as a sentence."""


def made_by(module: str, how: str, sent: bytes, what: str, done: str) -> bytes:
    """What ``python -m module how`` writes to its stdout for ``sent``; ``what`` is ``done`` by it: a picture is drawn.

    NotDrawn: it took too long, others were at work for too long, or it failed.
    """
    if not AT_ONCE.acquire(timeout=SECONDS):
        raise NotDrawn("Other files are being made. Try again in a minute.")
    try:
        command = [sys.executable, "-m", module, how]
        found = subprocess.run(command, input=sent, capture_output=True, cwd=ROOT, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotDrawn(f"The {what} was not {done} within {SECONDS} seconds.") from error
    finally:
        AT_ONCE.release()
    if found.returncode or not found.stdout:
        said = found.stderr.decode(errors="replace").strip().splitlines() or ["no word of why"]
        raise NotDrawn(f"The {what} could not be {done}: {said[-1][:300]}")
    return found.stdout
