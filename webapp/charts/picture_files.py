"""Pictures as files. Each is drawn by a new process: vl-convert blocks the interpreter and hangs after a fork.

``python -m webapp.charts.picture_files svg|png`` reads a Vega-Lite spec as JSON and writes the picture. A chart of curves is
filled first, by the scripts that fill it in a browser.
"""

import json
import sys
from collections.abc import Callable
from typing import Any, Literal

from webapp.charts.child_programs import made_by
from webapp.project_files import STATIC

SCRIPTS = STATIC / "js"

Format = Literal["svg", "png"]

PICTURES: dict[str, tuple[Format, str]] = {"svg": ("svg", "image/svg+xml"), "png": ("png", "image/png")}
"""The format and the media type of a picture by the extension of its file."""

SCALE = 2
"""Pixels of a PNG for each pixel of the spec."""


def draw(spec: dict[str, Any], how: Format) -> bytes:
    """Return the picture of a spec from ``on_paper``. Raises NotDrawn."""
    return made_by("webapp.charts.picture_files", how, json.dumps(spec).encode(), "picture", "drawn")


def with_rows(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec with the rows that its layers draw; they are made of the data set "live" of a chart of curves."""
    if "curves" not in spec.get("usermeta", {}):
        return spec
    filled: dict[str, Any] = json.loads(script()(f"JSON.stringify(curves.filled({json.dumps(spec)}))"))
    return filled


def script() -> Callable[[str], Any]:
    """Return a function that evaluates JavaScript in which bins.js and curves.js are loaded."""
    import quickjs

    context = quickjs.Context()
    for name in ("bins.js", "curves.js"):
        context.eval((SCRIPTS / name).read_text(encoding="utf-8"))
    evaluate: Callable[[str], Any] = context.eval
    return evaluate


def main(how: str) -> None:
    import vl_convert  # imported here, so that the web process, which imports this module, never loads it

    spec = with_rows(json.loads(sys.stdin.buffer.read()))
    if how == "svg":
        sys.stdout.buffer.write(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode())
    else:
        sys.stdout.buffer.write(vl_convert.vegalite_to_png(spec, scale=SCALE, allowed_base_urls=[]))


if __name__ == "__main__":
    main(sys.argv[1])
