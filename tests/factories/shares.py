"""Shares of small finished experiments, and visitors who come through their links."""

from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored
from webapp.reports.choices import Choices
from webapp.shares import links, services
from webapp.shares.models import Link, Share

CHOICES = Choices(title="What a probe recovers", notes="Seen *once*.")


def frozen(owner: User, **changes: object) -> Share:
    return services.share_frozen(explored(owner, **changes), CHOICES, owner)


def live(owner: User, **changes: object) -> Share:
    return services.share_live(explored(owner, **changes), CHOICES, owner)


def visitor(share: Share, **options: object) -> tuple[Client, Link, str]:
    """Somebody without an account who has opened a new link, the link, and its token."""
    link, token = links.make_link(share, share.owner, **options)  # type: ignore[arg-type]
    client = Client()
    client.get(f"/s/{token}/")
    return client, link, token
