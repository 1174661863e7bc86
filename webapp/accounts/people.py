"""Every write to accounts, and the rules that keep at least one administrator."""

from collections.abc import Sequence

from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from webapp.access import VIEWERS, Access
from webapp.audit.models import Verb
from webapp.audit.services import tell

ROLES = {
    Access.VIEWER: ("viewer", "reads everything and changes nothing"),
    Access.MEMBER: ("member", "creates experiments, imports data sets, writes notes"),
    Access.ADMIN: ("admin", "does everything"),
}
YOURSELF = "You cannot remove your own admin rights or close your own account: ask another admin."
DEPOSED = "You are not an admin any more."


def words(role: Access) -> tuple[str, str]:
    """Return the title of the role and a description of its permissions."""
    return ROLES[role]


def role_of(user: User) -> Access:
    """Return the role of an open or closed account."""
    if user.is_superuser:
        return Access.ADMIN
    return Access.VIEWER if any(group.name == VIEWERS for group in user.groups.all()) else Access.MEMBER


def all_accounts() -> QuerySet[User]:
    return User.objects.order_by("-is_active", "username").prefetch_related("groups")


def with_email(email: str) -> QuerySet[User]:
    return User.objects.filter(email__iexact=email)


@transaction.atomic
def describe(user: User, changed: Sequence[str]) -> None:
    """Store a person's changes of their own account."""
    if changed:
        user.save(update_fields=changed)
        tell(user, Verb.NAME_CHANGED, "account", user.pk, user.get_username(), changed=", ".join(sorted(changed)))


def give_role(user: User, role: Access) -> None:
    """Set the role of the account, without an entry in the audit log: the account may be new."""
    user.is_superuser = user.is_staff = role == Access.ADMIN
    user.save(update_fields=["is_superuser", "is_staff"])
    viewers, _ = Group.objects.get_or_create(name=VIEWERS)
    (user.groups.add if role == Access.VIEWER else user.groups.remove)(viewers)


@transaction.atomic
def change_role(admin: User, user: User, role: Access) -> None:
    """Change the role. Raise ValueError with a sentence if no administrator would be left."""
    before = role_of(user)
    if role == before:
        return
    if before == Access.ADMIN:
        _spare(admin, user)
    give_role(user, role)
    roles = {"before": words(before)[0], "now": words(role)[0]}
    tell(admin, Verb.ROLE_CHANGED, "account", user.pk, user.get_username(), **roles)


@transaction.atomic
def close(admin: User, user: User) -> None:
    """Close the account: it cannot log in any more, and its work stays. Raise ValueError with a sentence."""
    if not user.is_active:
        return
    _spare(admin, user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    user.tokens.all().delete()
    _log_out(user)
    tell(admin, Verb.DEACTIVATED, "account", user.pk, user.get_username())


@transaction.atomic
def reopen(admin: User, user: User) -> None:
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active"])
        tell(admin, Verb.REACTIVATED, "account", user.pk, user.get_username())


def _spare(admin: User, user: User) -> None:
    """Raise ValueError unless ``admin`` is an administrator other than ``user``, so that one always remains."""
    if admin.pk == user.pk:
        raise ValueError(YOURSELF)
    admins = User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk")
    if admin not in list(admins):  # the lock puts two simultaneous calls in sequence
        raise ValueError(DEPOSED)


def _log_out(user: User) -> None:
    """Delete all sessions of the account. Sessions are stored by their own keys, so every active one is read."""
    sessions = Session.objects.filter(expire_date__gt=timezone.now())
    own = [session.pk for session in sessions if session.get_decoded().get("_auth_user_id") == str(user.pk)]
    Session.objects.filter(pk__in=own).delete()
