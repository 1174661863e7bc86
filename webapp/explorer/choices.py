"""The words of what a page of examples offers: orders, columns and splits, by the kind of the examples."""

from dataclasses import dataclass

from webapp.example_queries.kinds import WRITTEN
from webapp.example_queries.tables import About

LABELLED_SORTS = {
    "disagreement": ("disagreement", "largest |student − supervisor| first"),
    "corrections": ("confident corrections", "the student is right and sure where the supervisor is wrong"),
    "regressions": ("confident regressions", "the student is wrong and sure where the supervisor is right"),
    "blind": ("blind spots", "the student is wrong and surer than the supervisor"),
    "errors": (
        "unlikely gold labels",
        "the ceiling gives the gold label the least probability",
    ),
    "length": ("longest", ""),
    "id": ("random", "by id, which is a hash"),
}
WRITTEN_SORTS = {
    "disagreement": ("disagreement", "student and supervisor write different answers, the student’s most probable first"),
    "corrections": ("likely corrections", "the student is right where the supervisor is wrong, its most probable answer first"),
    "regressions": ("likely regressions", "the student is wrong where the supervisor is right, its most probable answer first"),
    "blind": ("blind spots", "the student is wrong, its log-probability is furthest above the supervisor’s first"),
    "sure": ("most probable", "by the log-probability of the student’s answer"),
    "unsure": ("least probable", "by the log-probability of the student’s answer"),
    "hardest": ("hardest", "by the difficulty of the data set"),
    "easiest": ("easiest", "by the difficulty of the data set"),
    "length": ("longest", ""),
    "id": ("random", "by id, which is a hash"),
}
LABELLED_COLUMNS = {
    "gold": "gold label",
    "shift": "|student − supervisor|",
    "flip": "flip",
    "length": "length",
    "group": "group",
    "tags": "tags",
}
WRITTEN_COLUMNS = {
    "gold": "reference",
    "difficulty": "difficulty",
    "flip": "flip",
    "length": "length",
    "group": "group",
    "tags": "tags",
}
SPLITS = {"test": "test set", "transfer": "half B, what students learn from"}
MODES = {"words": "all words", "phrase": "phrase", "regex": "regular expression"}
MODES_OF_NAMES = {"words": "all parts", "phrase": "in one piece", "regex": "regular expression"}


@dataclass(frozen=True)
class Choice:
    title: str
    query: str
    chosen: bool
    help: str = ""


def sorts_of(about: About) -> dict[str, tuple[str, str]]:
    """Return title and explanation of each order of these examples."""
    needed = {"hardest": "difficulty", "easiest": "difficulty", "length": "length"}
    sorts = WRITTEN_SORTS if about.kind is WRITTEN else LABELLED_SORTS
    return {name: words for name, words in sorts.items() if needed.get(name) in (None, *about.axes)}


def columns_of(about: About) -> dict[str, str]:
    """Return the titles of the columns that a list of these examples may have."""
    columns = WRITTEN_COLUMNS if about.kind is WRITTEN else LABELLED_COLUMNS
    return {name: title for name, title in columns.items() if name in about.axes or name not in ("difficulty", "length")}
