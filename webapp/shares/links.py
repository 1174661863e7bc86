"""Links: made, revoked, and looked up at every request by the digest of a token or by a signed cookie.

Wrong, expired and revoked links take the same query and the same steps, so that neither response nor time distinguishes them.
"""

import hashlib
import secrets
from datetime import timedelta
from ipaddress import ip_address, ip_network

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import User
from django.core.signing import BadSignature, Signer
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.live.notify import access_changed
from webapp.parsing import whole
from webapp.shares.models import DAYS, LONGEST_DAYS, Link, Share, Try

COOKIE = "share"

TRIES_PER_MINUTE = 10
"""Tries of a link's password from one address. They do not lock out other addresses."""

FREE_TRIES = 60
"""Tries of a link's password in a minute from all addresses together; each further one takes longer."""

LONGEST_PAUSE_SECONDS = 2.0

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 128


def make_link(  # nosec B107 # no secret by default
    share: Share, by: User, name: str = "", days: int = DAYS, password: str = "", previews: bool = True
) -> tuple[Link, str]:
    """Create a link and return it with its token, which cannot be read again. Raises ValueError with a sentence."""
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(f"A link is open for 1 to {LONGEST_DAYS} days.")
    if password and not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    token = secrets.token_urlsafe(32)
    link = Link.objects.create(
        share=share,
        digest=digest(token),
        name=name.replace("\x00", "").strip()[:80],
        made_by=by,
        expires_at=timezone.now() + timedelta(days=days),
        password=make_password(password) if password else "",
        previews=previews,
    )
    tell(by, Verb.SHARED, "share", share.slug, share.title, link=link.pk, days=days, password=bool(password))
    return link, token


def revoke(link: Link, by: User) -> None:
    """Close the link for good: the next request is refused, and open sockets end within a second."""
    if Link.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=timezone.now()):
        access_changed()
        tell(by, Verb.REVOKED, "share", link.share.slug, link.share.title, link=link.pk)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def link_of(token: str) -> Link | None:
    """Return the open link of this token."""
    return _if_open(Link.objects.select_related("share__experiment").filter(digest=digest(token)).first())


def visited(cookie: str, slug: str) -> Link | None:
    """Return the open link that the cookie names, if it belongs to this share."""
    try:
        pk = whole(_signer().unsign(cookie)) or 0
    except BadSignature:
        pk = 0
    return _if_open(Link.objects.select_related("share__experiment").filter(pk=pk, share__slug=slug).first())


def _if_open(link: Link | None) -> Link | None:
    return link if link is not None and link.state == "open" else None


def cookie_of(link: Link) -> str:
    return _signer().sign(str(link.pk))


def _signer() -> Signer:
    return Signer(salt="webapp.shares.links")


def may_try(link: Link, address: str) -> bool:
    """Count one try of the link's password from ``address``; False if its tries of this minute are used up."""
    now = timezone.now()
    Try.objects.filter(since__lte=now - timedelta(minutes=1)).delete()
    counter, _ = Try.objects.get_or_create(link=link, address=_place_of(address), defaults={"since": now})
    return bool(Try.objects.filter(pk=counter.pk, count__lt=TRIES_PER_MINUTE).update(count=F("count") + 1))


def pause(link: Link) -> float:
    """Count one try of the link's password from any address, and return the seconds that it has to wait: guessing from many
    addresses is slow, and a reader who knows the password still gets in.
    """
    now = timezone.now()
    row = Link.objects.filter(pk=link.pk)
    new_minute = Q(tries_since=None) | Q(tries_since__lte=now - timedelta(minutes=1))
    if row.filter(new_minute).update(tries=1, tries_since=now):
        return 0.0
    row.update(tries=F("tries") + 1)
    tries: int = row.values_list("tries", flat=True)[0]
    return min(LONGEST_PAUSE_SECONDS, max(0, tries - FREE_TRIES) / FREE_TRIES)


def _place_of(address: str) -> str:
    """Return a digest of the address, or of the network of an IPv6 address, since one visitor has many addresses there."""
    try:
        parsed = ip_address(address)
        address = str(ip_network((parsed, 64), strict=False) if parsed.version == 6 else parsed)
    except ValueError:  # a socket without an address
        pass
    return salted_hmac("webapp.shares.links.tries", address, algorithm="sha256").hexdigest()


def password_fits(link: Link, password: str) -> bool:
    """Compare in the same time for every wrong password."""
    return check_password(password[: LONGEST_PASSWORD + 1], link.password)


def count_view(link: Link) -> None:
    Link.objects.filter(pk=link.pk).update(views=F("views") + 1, last_viewed_at=timezone.now())
