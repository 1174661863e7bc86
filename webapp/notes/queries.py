"""Every read of tags and notes."""

from collections.abc import Iterable, Sequence

from django.db.models import Count, QuerySet

from webapp.notes.models import USUAL, Note, Tag


def tags_of(fingerprint: str, examples: Iterable[int]) -> dict[int, list[Tag]]:
    tags: dict[int, list[Tag]] = {}
    for tag in Tag.objects.filter(fingerprint=fingerprint, example__in=list(examples)).select_related("author"):
        tags.setdefault(tag.example, []).append(tag)
    return tags


def all_tags(fingerprint: str) -> dict[int, list[str]]:
    """Return the names of the tags of every example that has tags."""
    tags: dict[int, list[str]] = {}
    for example, name in Tag.objects.filter(fingerprint=fingerprint).order_by("name").values_list("example", "name"):
        tags.setdefault(example, []).append(name)
    return tags


def notes_of(fingerprint: str, example: int) -> QuerySet[Note]:
    return Note.objects.filter(fingerprint=fingerprint, example=example).select_related("author")


def noted(fingerprint: str, examples: Iterable[int]) -> set[int]:
    """Return the ids of the examples that have a note."""
    return set(Note.objects.filter(fingerprint=fingerprint, example__in=list(examples)).values_list("example", flat=True))


def ids_with(fingerprint: str, names: Sequence[str]) -> list[list[int]]:
    """Return for each name the ids of the examples with the tag."""
    return [list(Tag.objects.filter(fingerprint=fingerprint, name=name).values_list("example", flat=True)) for name in names]


def names(fingerprint: str) -> list[tuple[str, int]]:
    """Return the tags of a data set with their numbers of examples, the most frequent first."""
    known = dict(Tag.objects.filter(fingerprint=fingerprint).order_by("name").values_list("name").annotate(Count("id")))
    return [*((name, known.pop(name, 0)) for name in USUAL), *known.items()]
