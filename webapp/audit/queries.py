"""Every read of the audit log."""

from django.db.models import Q, QuerySet

from webapp.audit.models import Entry, Verb


def entries(name: str = "", verb: str = "", text: str = "") -> QuerySet[Entry]:
    """Return the entries, the newest first; ``text`` is part of a title or a name, or the number of the object."""
    rows = Entry.objects.all()
    if name:
        rows = rows.filter(name=name)
    if verb:
        rows = rows.filter(verb=verb)
    if text:
        rows = rows.filter(Q(title__icontains=text) | Q(name__icontains=text) | Q(key=text.removeprefix("#")))
    return rows


def cloned_from(experiment: int) -> str:
    """Return the number of the experiment from which this one was cloned, even if that was deleted; empty if there is none."""
    made = Entry.objects.filter(verb=Verb.CREATED, about="experiment", key=str(experiment)).first()
    return str(made.details.get("cloned from", "")) if made else ""


def names() -> list[str]:
    """Return the names of all accounts in the audit log."""
    return list(Entry.objects.exclude(name="").order_by("name").values_list("name", flat=True).distinct())
