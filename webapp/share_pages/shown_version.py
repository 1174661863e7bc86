"""What somebody looks at: one version of a share, or a live one as it is now, with the addresses of what belongs to it."""

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
"""Files of live pages, kept while nothing changes: making one takes seconds, and any reader may ask."""


@dataclass(frozen=True)
class Seen:
    """``root`` is the address of the share as this reader sees it; ``version`` is None for a live one, ``link`` for accounts."""

    share: Share
    root: str
    version: Version | None
    link: Link | None = None

    @property
    def base(self) -> str:
        """Where the files are that belong to what is seen."""
        return f"{self.root}v{self.version.number}/" if self.version else self.root

    @property
    def access(self) -> str:
        """The path of the socket that is open for as long as the share is to this reader."""
        return f"{self.root}access/"

    @cached_property
    def frozen(self) -> Frozen | None:
        return Frozen(self.version.content) if self.version else None

    @cached_property
    def paper(self) -> Report:
        """Raises Damaged; of a live share Refused where there is nothing to show yet."""
        if self.frozen:
            return self.frozen.paper
        assert self.share.experiment is not None
        return compose(self.share.experiment, Choices.model_validate(self.share.choices), self.share.owner)

    def asker(self, request: HttpRequest) -> tuple[str, bool]:
        """Whose turn it takes to make a file for the request, and whether that is a visitor."""
        if self.link:
            return f"link {self.link.pk} from {request.META.get('REMOTE_ADDR', '')}", True
        return f"account {request.user.pk}", False

    def file(self, name: str) -> bytes:
        """One of MADE, made again where the frozen one names a folder. Raises what ``paper`` does, and NotDrawn."""
        if self.frozen and not self.frozen.names_folders:
            return self.frozen.read(name)
        return made(name, self.paper.model_dump_json())


def made(name: str, paper: str) -> bytes:
    """Raises NotDrawn."""
    return FILES.get((name.encode(), paper.encode()), lambda: MADE[name](Report.model_validate_json(paper)))


def seen_by_link(link: Link, number: int | None = None) -> Seen | None:
    """What whoever came through the link sees; the newest version, unless ``number`` says which."""
    return _seen(link.share, f"/shared/{link.share.slug}/", number, link)


def seen_by_team(share: Share, number: int | None = None) -> Seen | None:
    """What accounts see at the permalink."""
    return _seen(share, f"/shares/{share.slug}/", number)


def _seen(share: Share, root: str, number: int | None, link: Link | None = None) -> Seen | None:
    """None where there is no such version, or the experiment of a live share was deleted."""
    if share.live:
        return Seen(share, root, None, link) if number is None and share.experiment else None
    versions = share.versions.all() if number is None else share.versions.filter(number=number)
    newest = versions.first()
    return Seen(share, root, newest, link) if newest else None
