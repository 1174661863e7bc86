"""Words that are never part of a name: the column "not" of the glossary, and locals that do not say what they hold."""

import re
from pathlib import Path

FIGURES = frozenset(
    [
        "ballot",
        "bell",
        "cast",
        "cast",
        "crew",
        "crews",
        "diaries",
        "diary",
        "door",
        "doorbell",
        "doors",
        "erasure",
        "erasures",
        "kinship",
        "lesson",
        "lessons",
        "letters",
        "nudge",
        "obstacle",
        "obstacles",
        "outlook",
        "outlooks",
        "press",
        "room",
        "rooms",
        "shelf",
        "shelved",
        "shelves",
        "shelving",
        "stage",
        "stages",
        "stories",
        "story",
        "taught",
        "teacher",
        "teachers",
        "trail",
        "trails",
        "trio",
        "trios",
    ]
)
"""Figures of speech, and second words for a concept that has its own. They are wrong in headings of the documentation too."""

VAGUE = frozenset(["asked", "found", "kept", "looks", "mine", "one", "told"])
"""Words that say nothing about what a variable holds. In English text they are words like any other."""

ALLOWED = Path(__file__).with_name("allowed_names.txt")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words(name: str) -> list[str]:
    """Return the words of an identifier, which underscores, hyphens and capitals separate, in lower case."""
    return [word.lower() for word in WORD.findall(name)]


def banned(name: str, words_banned: frozenset[str] = FIGURES | VAGUE) -> list[str]:
    """Return the words of ``name`` that no name has."""
    return [word for word in words(name) if word in words_banned]


def allowed() -> frozenset[str]:
    """Return the names that are data, or belong to somebody else: a name and its reason a line."""
    lines = ALLOWED.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))
