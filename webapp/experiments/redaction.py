"""What leaves the laboratory, by a share or an archive, names none of its machines, folders and accounts."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User

from training import redaction
from training.catalog import local
from webapp.experiments.models import Run, Worker

WORD = re.compile(r"[\w.@+-]+")


def public_text(text: str) -> str:
    """An error as strangers may read it."""
    return redaction.public_text(text, names_in(text)) if text else ""


def names_in(text: str) -> set[str]:
    """The laboratory's own names that may stand in ``text``: folders, hosts, workers, and the accounts that it mentions."""
    words = {word.strip(".") for word in WORD.findall(text)}
    accounts = User.objects.filter(username__in=words).values_list("username", flat=True)
    return {*installation_names(), *accounts}


def installation_names() -> Iterator[str]:
    """Folders, database, broker and workers."""
    for folder in (
        settings.DATA_DIR,
        settings.BASE_DIR,
        settings.ARTIFACTS_DIR,
        settings.DATASETS_DIR,
        *local.recorded_folders(),
    ):
        yield str(Path(folder))
    database, broker = settings.DATABASES["default"], urlsplit(settings.REDIS_URL)
    yield from (str(database.get(name) or "") for name in ("HOST", "USER", "PASSWORD", "NAME"))
    yield from (broker.hostname or "", broker.username or "", broker.password or "")
    for name in Worker.objects.values_list("name", flat=True):
        yield from (name, name.rpartition("@")[2])


def public_models(runs: Iterable[Run]) -> dict[str, str]:
    """For each local model that a run of an earlier version names by its path, the name that says its digest instead."""
    found = {run.spec["model"]: local.public_name(run.spec["model"], run.spec["digest"]) for run in runs}
    return {name: public for name, public in found.items() if name != public}
