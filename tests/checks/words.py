"""Words that are no part of a name: those of banned_words.txt, but in names of allowed_names.txt."""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words(name: str) -> list[str]:
    """Return the words of an identifier, which underscores, hyphens and capitals separate, in lower case."""
    return [word.lower() for word in WORD.findall(name)]


def banned(name: str, sentence: bool = False) -> dict[str, str]:
    """Return the banned words of ``name``, each with what to say instead.

    A ``sentence``, such as the name of a test or a heading, may have the vague words, which mean something there.
    """
    figures, vague = _listed()
    known = figures if sentence else figures | vague
    return {word: known[word] for word in words(name) if word in known}


@cache
def allowed() -> frozenset[str]:
    """Return the names that may have a banned word, as they are data or belong to somebody else: name, or path:name."""
    return frozenset(line.split()[0] for line in _lines("allowed_names.txt"))


@cache
def _listed() -> tuple[dict[str, str], dict[str, str]]:
    """The figures of speech and the vague words."""
    figures: dict[str, str] = {}
    vague: dict[str, str] = {}
    for line in _lines("banned_words.txt"):
        word, instead = line.split(maxsplit=1)
        (vague if instead.startswith("= ") else figures)[word] = instead.removeprefix("= ")
    return figures, vague


def _lines(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]
