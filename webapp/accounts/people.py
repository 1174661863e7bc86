"""Every write to accounts, and the rules that keep a laboratory from being left without an admin."""

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
    Access.VIEWER: ("viewer", "looks at everything and changes nothing"),
    Access.MEMBER: ("member", "makes experiments, brings data sets, writes notes"),
    Access.ADMIN: ("admin", "does everything"),
}
YOURSELF = "Nobody takes admin rights from himself or closes his own account: ask another admin."
DEPOSED = "You are no admin any more."


def words(role: Access) -> tuple[str, str]:
    """What the role is called, and what it may do."""
    return ROLES[role]


def role_of(user: User) -> Access:
    """The role of an account, whether it is open or closed."""
    if user.is_superuser:
        return Access.ADMIN
    return Access.VIEWER if any(group.name == VIEWERS for group in user.groups.all()) else Access.MEMBER


def everybody() -> QuerySet[User]:
    return User.objects.order_by("-is_active", "username").prefetch_related("groups")


def with_email(email: str) -> QuerySet[User]:
    return User.objects.filter(email__iexact=email)


@transaction.atomic
def describe(user: User, changed: Sequence[str]) -> None:
    """Stores what a person changed about himself."""
    if changed:
        user.save(update_fields=changed)
        tell(user, Verb.NAME_CHANGED, "account", user.pk, user.get_username(), changed=", ".join(sorted(changed)))


def give_role(user: User, role: Access) -> None:
    """Makes the account this; tells nobody, since it may be new."""
    user.is_superuser = user.is_staff = role == Access.ADMIN
    user.save(update_fields=["is_superuser", "is_staff"])
    viewers, _ = Group.objects.get_or_create(name=VIEWERS)
    (user.groups.add if role == Access.VIEWER else user.groups.remove)(viewers)


@transaction.atomic
def change_role(admin: User, user: User, role: Access) -> None:
    """Raises ValueError with one sentence where nobody would be left who could change it back."""
    before = role_of(user)
    if role == before:
        return
    if before == Access.ADMIN:
        _spare(admin, user)
    give_role(user, role)
    told = {"before": words(before)[0], "now": words(role)[0]}
    tell(admin, Verb.ROLE_CHANGED, "account", user.pk, user.get_username(), **told)


@transaction.atomic
def close(admin: User, user: User) -> None:
    """The account logs in nowhere any more; what it made stays. Raises ValueError with one sentence."""
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
    """Whoever deposes somebody is an admin and stays one, so that there always is one."""
    if admin.pk == user.pk:
        raise ValueError(YOURSELF)
    admins = User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk")
    if admin not in list(admins):  # two who depose each other at the same moment come one after the other
        raise ValueError(DEPOSED)


def _log_out(user: User) -> None:
    """Sessions are stored by their own keys, so all that go on have to be looked at."""
    sessions = Session.objects.filter(expire_date__gt=timezone.now())
    his = [one.pk for one in sessions if one.get_decoded().get("_auth_user_id") == str(user.pk)]
    Session.objects.filter(pk__in=his).delete()
