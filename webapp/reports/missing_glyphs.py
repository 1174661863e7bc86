"""Characters that a PDF made here cannot show, since neither its own fonts nor those of this machine have a glyph for them."""

import shutil
import subprocess
import unicodedata
from functools import cache

from ziafont.font import Font

from webapp.reports.stylesheet import FONTS

CHARACTERS_PER_SCRIPT = 3
"""Characters of one script that are looked up in the machine's fonts; each look-up takes a process."""


def scripts_without_glyphs(text: str) -> list[str]:
    """Return the sorted names of the scripts, such as Thai or CJK, whose characters in ``text`` would be shown as empty boxes."""
    unknown: dict[str, list[str]] = {}
    for char in sorted(set(text)):
        if char.isprintable() and not char.isspace() and char not in own_glyphs():
            unknown.setdefault(script(char), []).append(char)
    return sorted(name for name, chars in unknown.items() if not all(map(on_this_machine, chars[:CHARACTERS_PER_SCRIPT])))


@cache
def own_glyphs() -> frozenset[str]:
    """Return the characters that every text font of the PDF has."""
    faces = [Font(str(path)) for path in FONTS.glob("lab-s*-*.ttf")]
    return frozenset(chr(code) for code in range(32, 0x3000) if all(face.glyphindex(chr(code)) for face in faces))


@cache
def on_this_machine(char: str) -> bool:
    """Return whether a font installed here has the character, according to fontconfig; False without fontconfig."""
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    done = subprocess.run([lister, f":charset={ord(char):x}", "family"], capture_output=True, timeout=10, check=False)
    return bool(done.stdout.strip())


def script(char: str) -> str:
    """Return the first word of the character's name: Thai, Devanagari, CJK."""
    word = unicodedata.name(char, "UNKNOWN").split()[0]
    return word if word == "CJK" else word.capitalize()
