"""Shares in the API: the list, freezing an experiment, and links."""

from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field, field_validator

from training.spec import Problem
from webapp.api.datasets import Invalid
from webapp.api.experiments import changed
from webapp.archives.export import Unfinished
from webapp.charts.renderers import NotDrawn
from webapp.reports.choices import Choices
from webapp.reports.refusal import Refused
from webapp.shares import links, queries, services
from webapp.shares.models import DAYS, LONGEST_DAYS, Link, Share

router = Router()


class VersionOut(Schema):
    """A version of a share. ``content`` is the SHA-256 of the checksums of all its files."""

    number: int
    content: str
    created_at: datetime


class LinkOut(Schema):
    """A link to a share. ``state`` is open, expired or revoked.

    ``url`` is only in the answer to the request that makes the link.
    """

    id: int
    name: str
    state: str
    expires_at: datetime
    password: bool
    previews: bool
    views: int
    last_viewed_at: datetime | None
    url: str = ""


class ShareOut(Schema):
    """A share. ``experiment`` is null after it was deleted; ``path`` is the permanent address for accounts.

    A live share has no versions.
    """

    slug: str
    title: str
    owner: str
    experiment: int | None
    live: bool
    path: str
    created_at: datetime
    versions: list[VersionOut]
    links: list[LinkOut]


class LinkIn(Schema):
    name: str = Field("", max_length=80)
    days: int = Field(DAYS, ge=1, le=LONGEST_DAYS)
    password: str = Field(
        "",
        max_length=links.LONGEST_PASSWORD,
        description=f"At least {links.SHORTEST_PASSWORD} characters; empty for none.",
        json_schema_extra={"pattern": f"^([\\s\\S]{{{links.SHORTEST_PASSWORD},}})?$"},
    )
    previews: bool = True

    @field_validator("password")
    @classmethod
    def long_enough(cls, password: str) -> str:
        if password and len(password) < links.SHORTEST_PASSWORD:
            raise ValueError(f"A password has {links.SHORTEST_PASSWORD} to {links.LONGEST_PASSWORD} characters.")
        return password


def link_out(link: Link, url: str = "") -> LinkOut:
    return LinkOut(
        id=link.pk,
        name=link.name,
        state=link.state,
        expires_at=link.expires_at,
        password=bool(link.password),
        previews=link.previews,
        views=link.views,
        last_viewed_at=link.last_viewed_at,
        url=url,
    )


def share_out(share: Share) -> ShareOut:
    return ShareOut(
        slug=share.slug,
        title=share.title,
        owner=str(share.owner),
        experiment=share.experiment_id,
        live=share.live,
        path=f"/shares/{share.slug}/",
        created_at=share.created_at,
        versions=[
            VersionOut(number=version.number, content=version.content, created_at=version.created_at)
            for version in share.versions.all()
        ],
        links=[link_out(link) for link in share.links.all()],
    )


@router.get("/shares", response=list[ShareOut])
def shares(request: HttpRequest) -> list[ShareOut]:
    """List the shares that you may manage, the newest first; for an administrator these are all shares."""
    assert isinstance(request.user, User)
    return [share_out(share) for share in queries.managed(request.user).prefetch_related("versions", "links")]


@router.post("/experiments/{experiment_id}/shares", response={201: ShareOut})
def share(request: HttpRequest, experiment_id: int, choices: Choices, live: bool = False) -> Status[ShareOut]:
    """Freeze the experiment as the first version of a new share, or with ``?live=true`` share its present state.

    The answer is 409 while its runs are queued or in training, or if there is no result to show.
    """
    experiment = changed(request, experiment_id)
    assert isinstance(request.user, User)
    make = services.share_live if live else services.share_frozen
    try:
        return Status(201, share_out(make(experiment, choices, request.user)))
    except (Unfinished, Refused, NotDrawn) as error:
        raise HttpError(409, str(error)) from None


@router.post("/shares/{slug}/links", response={201: LinkOut})
def make_link(request: HttpRequest, slug: str, wanted: LinkIn) -> Status[LinkOut]:
    """Make a link to a share. The address is only in this answer; the laboratory stores a hash of it."""
    share = get_object_or_404(Share.objects.select_related("experiment"), slug=slug)
    user = _managing(request, share)
    try:
        link, token = links.make_link(share, user, **wanted.model_dump())
    except ValueError as error:
        raise Invalid(Problem("", str(error))) from None
    return Status(201, link_out(link, request.build_absolute_uri(f"/s/{token}/")))


@router.delete("/links/{link_id}", response=LinkOut)
def revoke(request: HttpRequest, link_id: int) -> LinkOut:
    """Revoke a link permanently. It stays in the list."""
    link = get_object_or_404(Link.objects.select_related("share__experiment"), pk=link_id)
    links.revoke(link, _managing(request, link.share))
    link.refresh_from_db()
    return link_out(link)


def _managing(request: HttpRequest, share: Share) -> User:
    if not queries.may_manage(request.user, share):
        raise PermissionDenied(queries.NOT_YOUR_SHARE)
    assert isinstance(request.user, User)
    return request.user
