"""Every read of the trail."""

from django.db.models import Q, QuerySet

from webapp.audit.models import Entry, Verb


def entries(name: str = "", verb: str = "", text: str = "") -> QuerySet[Entry]:
    """The newest first; ``text`` is part of a title or a name, or the number of what an entry is about."""
    found = Entry.objects.all()
    if name:
        found = found.filter(name=name)
    if verb:
        found = found.filter(verb=verb)
    if text:
        found = found.filter(Q(title__icontains=text) | Q(name__icontains=text) | Q(key=text.removeprefix("#")))
    return found


def cloned_from(experiment: int) -> str:
    """The number of the experiment that this one was made from, which the trail keeps when that is deleted; else empty."""
    made = Entry.objects.filter(verb=Verb.CREATED, about="experiment", key=str(experiment)).first()
    return str(made.details.get("cloned from", "")) if made else ""


def names() -> list[str]:
    """Of all who ever did something."""
    return list(Entry.objects.exclude(name="").order_by("name").values_list("name", flat=True).distinct())
