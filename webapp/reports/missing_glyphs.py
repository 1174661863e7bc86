"""Characters that a PDF made here cannot show: neither its own faces nor a font of this machine has a glyph for them."""

import shutil
import subprocess
import unicodedata
from functools import cache

from ziafont.font import Font

from webapp.reports.stylesheet import LETTERS

ASKED_OF_A_SCRIPT = 3
"""Characters of one script that the machine's fonts are asked about: each takes a process."""


def scripts_without_glyphs(text: str) -> list[str]:
    """Names of scripts such as Thai or CJK, in order, of the characters of ``text`` that would be shown as empty boxes."""
    unknown: dict[str, list[str]] = {}
    for char in sorted(set(text)):
        if char.isprintable() and not char.isspace() and char not in own_glyphs():
            unknown.setdefault(script(char), []).append(char)
    return sorted(name for name, chars in unknown.items() if not all(map(on_this_machine, chars[:ASKED_OF_A_SCRIPT])))


@cache
def own_glyphs() -> frozenset[str]:
    """What every text face of the PDF has."""
    faces = [Font(str(path)) for path in LETTERS.glob("lab-s*-*.ttf")]
    return frozenset(chr(code) for code in range(32, 0x3000) if all(face.glyphindex(chr(code)) for face in faces))


@cache
def on_this_machine(char: str) -> bool:
    """Whether a font that is installed here has the character, as fontconfig knows; False where fontconfig is not at hand."""
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    done = subprocess.run([lister, f":charset={ord(char):x}", "family"], capture_output=True, timeout=10, check=False)
    return bool(done.stdout.strip())


def script(char: str) -> str:
    """The first word of the character's name: Thai, Devanagari, CJK."""
    word = unicodedata.name(char, "UNKNOWN").split()[0]
    return word if word == "CJK" else word.capitalize()
