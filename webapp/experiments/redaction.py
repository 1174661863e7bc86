"""Redaction of texts that leave the laboratory in a share or an archive: no machines, folders or accounts."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User

from training import redaction
from training.catalog import local
from webapp.experiments.models import Run, Worker

WORD = re.compile(r"[\w.@+-]+")


def public_text(text: str) -> str:
    """Return an error without the laboratory's own names."""
    return redaction.public_text(text, names_in(text)) if text else ""


def names_in(text: str) -> set[str]:
    """Return the laboratory's own names that ``text`` may contain: folders, hosts, workers, and accounts."""
    words = {word.strip(".") for word in WORD.findall(text)}
    accounts = User.objects.filter(username__in=words).values_list("username", flat=True)
    return {*installation_names(), *accounts}


def installation_names() -> Iterator[str]:
    """Yield the names of folders, database, broker and workers."""
    for folder in (
        settings.DATA_DIR,
        settings.BASE_DIR,
        settings.ARTIFACTS_DIR,
        settings.DATASETS_DIR,
        *([settings.ARTIFACTS_URL] if settings.ARTIFACTS_URL else []),
        *local.recorded_folders(),
    ):
        yield str(folder)
    database, broker = settings.DATABASES["default"], urlsplit(settings.REDIS_URL)
    yield from (str(database.get(name) or "") for name in ("HOST", "USER", "PASSWORD", "NAME"))
    yield from (broker.hostname or "", broker.username or "", broker.password or "")
    for name in Worker.objects.values_list("name", flat=True):
        yield from (name, name.rpartition("@")[2])


def public_models(runs: Iterable[Run]) -> dict[str, str]:
    """Public names of local models by the paths that runs of an earlier version have; the public name contains the digest."""
    names = {run.spec["model"]: local.public_name(run.spec["model"], run.spec["digest"]) for run in runs}
    return {name: public for name, public in names.items() if name != public}
