"""The version of a share that a request shows, or its live page, with the addresses of the files that belong to it."""

from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest

from webapp.charts.file_cache import FileCache
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.report import Report
from webapp.shares.freezing import MADE
from webapp.shares.frozen import Frozen
from webapp.shares.models import Link, Share, Version

FILES = FileCache(2**26)
"""Cached files of live pages: making one takes seconds, and any reader may request it."""


@dataclass(frozen=True)
class ShownVersion:
    """A version at ``root``, this reader's address of the share; ``version`` is None for a live page, ``link`` for accounts."""

    share: Share
    root: str
    version: Version | None
    link: Link | None = None

    @property
    def base(self) -> str:
        """The address below which the files of this version are."""
        return f"{self.root}v{self.version.number}/" if self.version else self.root

    @property
    def access(self) -> str:
        """The path of the socket that is open as long as this reader has access."""
        return f"{self.root}access/"

    @cached_property
    def frozen(self) -> Frozen | None:
        return Frozen(self.version.content) if self.version else None

    @cached_property
    def paper(self) -> Report:
        """The report. Raises Damaged, and for a live share Refused where there is nothing to show yet."""
        if self.frozen:
            return self.frozen.paper
        assert self.share.experiment is not None
        return compose(self.share.experiment, Choices.model_validate(self.share.choices), self.share.owner)

    def client(self, request: HttpRequest) -> tuple[str, bool]:
        """Return the client for which a file is made, and whether it is a visitor; clients take turns."""
        if self.link:
            return f"link {self.link.pk} from {request.META.get('REMOTE_ADDR', '')}", True
        return f"account {request.user.pk}", False

    def file(self, name: str) -> bytes:
        """Return a file of MADE, made again if the frozen one names a folder. Raises as ``paper`` does, and NotDrawn."""
        if self.frozen and not self.frozen.names_folders:
            return self.frozen.read(name)
        return made(name, self.paper.model_dump_json())


def made(name: str, paper: str) -> bytes:
    """Return a file of MADE for the report. Raises NotDrawn."""
    return FILES.get((name.encode(), paper.encode()), lambda: MADE[name](Report.model_validate_json(paper)))


def version_by_link(link: Link, number: int | None = None) -> ShownVersion | None:
    """Return version ``number`` for a visitor behind the link, by default the newest."""
    return _version(link.share, f"/shared/{link.share.slug}/", number, link)


def version_by_account(share: Share, number: int | None = None) -> ShownVersion | None:
    """Return version ``number`` for an account at the permalink, by default the newest."""
    return _version(share, f"/shares/{share.slug}/", number)


def _version(share: Share, root: str, number: int | None, link: Link | None = None) -> ShownVersion | None:
    """Return None where there is no such version, or the experiment of a live share was deleted."""
    if share.live:
        return ShownVersion(share, root, None, link) if number is None and share.experiment else None
    versions = share.versions.all() if number is None else share.versions.filter(number=number)
    newest = versions.first()
    return ShownVersion(share, root, newest, link) if newest else None
