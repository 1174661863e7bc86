"""Every write to accounts, and the rules that keep a laboratory from being left without an admin."""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from webapp.access import Access
from webapp.audit.models import Verb
from webapp.audit.services import tell

ROLES = {
    Access.VIEWER: ("viewer", "looks at everything and changes nothing"),
    Access.MEMBER: ("member", "makes experiments, brings data sets, writes notes"),
    Access.ADMIN: ("admin", "does everything"),
}


def words(role: Access) -> tuple[str, str]:
    """What the role is called, and what it may do."""
    return ROLES[role]


def with_email(email: str) -> QuerySet[User]:
    return User.objects.filter(email__iexact=email)


@transaction.atomic
def describe(user: User, changed: Sequence[str]) -> None:
    """Stores what a person changed about himself."""
    if changed:
        user.save(update_fields=changed)
        tell(user, Verb.NAME_CHANGED, "account", user.pk, user.get_username(), changed=", ".join(sorted(changed)))
