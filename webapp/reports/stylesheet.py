"""The style sheets of a report as one text, with its fonts inside."""

import base64
import re
from functools import cache
from pathlib import Path

from webapp.project_files import STATIC

SHEETS = ("css/tokens.css", "css/attributes.css", "css/base.css", "css/charts.css", "css/chess.css", "css/report.css")
FONTS = Path(__file__).parent / "fonts"
STILL = {"Inter": "lab-sans", "Source Serif": "lab-serif", "JetBrains Mono": "lab-mono"}
"""PlutoPrint reads neither woff2 nor variable fonts: fonts/build_fonts.py makes one file for each weight."""


@cache
def for_screens() -> str:
    return re.sub(r"url\(\.\./(vendor/fonts/[\w-]+\.woff2)\)", lambda place: _inside(STATIC / place[1], "woff2"), _sheets())


@cache
def for_print() -> str:
    faces = []
    for family, name in STILL.items():
        for path in sorted(FONTS.glob(f"{name}-*.ttf")):
            weight = path.stem.rpartition("-")[2]
            source = f'{_inside(path, "ttf")} format("truetype")'
            faces.append(f'@font-face {{ font-family: "{family}"; src: {source}; font-weight: {weight}; }}')
    # With "anywhere" PlutoPrint breaks words even next to a space.
    sheets = re.sub(r"(?s)@font-face \{.*?\}\n", "", _sheets()).replace("overflow-wrap: anywhere", "overflow-wrap: break-word")
    return "\n".join([*faces, sheets])


def _sheets() -> str:
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in SHEETS)


def _inside(path: Path, kind: str) -> str:
    return f"url(data:font/{kind};base64,{base64.b64encode(path.read_bytes()).decode()})"
