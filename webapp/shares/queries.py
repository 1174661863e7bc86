"""Reads of shares for all interfaces, and the rule of who may change one."""

from django.contrib.auth.models import User
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from webapp.access import Access, Anybody, access_of
from webapp.shares.models import Link, Share

NOT_YOUR_SHARE = "Only the author of this share, the owner of its experiment and administrators may do that."


def may_manage(user: Anybody, share: Share) -> bool:
    """Return whether the account is the share's author, its experiment's owner or an admin, who may freeze and make links."""
    access = access_of(user)
    owners = {share.owner_id, share.experiment.owner_id if share.experiment else None}
    return access == Access.ADMIN or (access == Access.MEMBER and user.pk in owners)


def managed(user: User) -> QuerySet[Share]:
    """Return the shares that this account may manage, newest first; for an admin all."""
    shares = Share.objects.select_related("experiment", "owner")
    if access_of(user) != Access.ADMIN:
        shares = shares.filter(Q(owner=user) | Q(experiment__owner=user))
    return counted(shares)


def readable() -> QuerySet[Share]:
    """Return the shares that show something, the newest first: every account may read them at their permalinks."""
    shown = Share.objects.filter(Q(live=False) | Q(experiment__isnull=False))
    return shown.select_related("owner").defer("choices").order_by("-pk")


def counted(shares: QuerySet[Share]) -> QuerySet[Share]:
    """Annotate each share with its ``newest`` version, its ``open`` links and the ``views`` through all of its links."""
    is_open = Q(links__revoked_at=None, links__expires_at__gt=timezone.now())
    views = Link.objects.filter(share=OuterRef("pk")).order_by().values("share").annotate(sum=Sum("views")).values("sum")
    return shares.annotate(
        newest=Max("versions__number"),
        open=Count("links", filter=is_open, distinct=True),
        views=Coalesce(Subquery(views), 0),
    ).order_by("-pk")
