"""Pictures as files. Each is drawn by a process started afresh: vl-convert holds the interpreter and hangs after a fork.

``python -m webapp.charts.drawing svg|png`` reads a Vega-Lite spec as JSON and writes the picture.
"""

import json
import subprocess
import sys
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Literal

Format = Literal["svg", "png"]

SECONDS = 60
SCALE = 2
"""Pixels of a PNG for each of the spec."""

AT_ONCE = BoundedSemaphore(2)
"""Pictures that one web process has drawn at the same time; each is a program of some 100 MB."""

ROOT = Path(__file__).resolve().parents[2]


class NotDrawn(Exception):
    """Why there is no picture, as a sentence."""


def draw(spec: dict[str, Any], how: Format) -> bytes:
    """The picture of a spec from ``on_paper``. NotDrawn: it took too long, or the program that draws failed."""
    command = [sys.executable, "-m", "webapp.charts.drawing", how]
    sent = json.dumps(spec).encode()
    if not AT_ONCE.acquire(timeout=SECONDS):
        raise NotDrawn("Other pictures are being drawn. Try again in a minute.")
    try:
        done = subprocess.run(command, input=sent, capture_output=True, cwd=ROOT, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotDrawn(f"The picture was not drawn within {SECONDS} seconds.") from error
    finally:
        AT_ONCE.release()
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no word of why"]
        raise NotDrawn(f"The picture could not be drawn: {said[-1][:300]}")
    return done.stdout


def main(how: str) -> None:
    import vl_convert  # here only: the web process, which imports this module, must never have it

    spec = json.loads(sys.stdin.buffer.read())
    if how == "svg":
        sys.stdout.buffer.write(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode())
    else:
        sys.stdout.buffer.write(vl_convert.vegalite_to_png(spec, scale=SCALE, allowed_base_urls=[]))


if __name__ == "__main__":
    main(sys.argv[1])
