"""Every read of tags and notes."""

from collections.abc import Iterable, Sequence

from django.db.models import Count, QuerySet

from webapp.notes.models import USUAL, Note, Tag


def tags_of(fingerprint: str, examples: Iterable[int]) -> dict[int, list[Tag]]:
    found: dict[int, list[Tag]] = {}
    for tag in Tag.objects.filter(fingerprint=fingerprint, example__in=list(examples)).select_related("author"):
        found.setdefault(tag.example, []).append(tag)
    return found


def all_tags(fingerprint: str) -> dict[int, list[str]]:
    """Of every example that has some."""
    found: dict[int, list[str]] = {}
    for example, name in Tag.objects.filter(fingerprint=fingerprint).order_by("name").values_list("example", "name"):
        found.setdefault(example, []).append(name)
    return found


def notes_of(fingerprint: str, example: int) -> QuerySet[Note]:
    return Note.objects.filter(fingerprint=fingerprint, example=example).select_related("author")


def noted(fingerprint: str, examples: Iterable[int]) -> set[int]:
    """Which of the examples have a note."""
    return set(Note.objects.filter(fingerprint=fingerprint, example__in=list(examples)).values_list("example", flat=True))


def ids_with(fingerprint: str, names: Sequence[str]) -> list[list[int]]:
    """For each name the ids of the examples that have the tag."""
    return [list(Tag.objects.filter(fingerprint=fingerprint, name=name).values_list("example", flat=True)) for name in names]


def names(fingerprint: str) -> list[tuple[str, int]]:
    """The tags of a data set with how many examples have each, the usual ones first."""
    known = dict(Tag.objects.filter(fingerprint=fingerprint).order_by("name").values_list("name").annotate(Count("id")))
    return [*((name, known.pop(name, 0)) for name in USUAL), *known.items()]
