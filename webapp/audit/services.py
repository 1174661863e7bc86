"""The only write to the audit log."""

from django.contrib.auth.models import User

from webapp.audit.models import Entry, Kind, Verb


def tell(who: User | None, verb: Verb, about: Kind, key: object, title: str = "", **details: object) -> None:
    """Add an entry for the act of ``who`` in the caller's transaction; None is a visitor without an account."""
    Entry.objects.create(
        who=who,
        name=who.get_username() if who else "",
        verb=verb,
        about=about,
        key=str(key)[:64],
        title=title[:200],
        details={name: value for name, value in details.items() if value is not None},
    )
