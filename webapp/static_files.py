"""Static files, collected into the data folder when their sources have changed."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect() -> None:
    """Collect and compress the static files, unless the last collection was of the same sources: it takes seconds."""
    record, state = settings.STATIC_ROOT.with_name("static.sha256"), _state()
    if settings.STATIC_ROOT.exists() and record.exists() and record.read_text() == state:
        return
    record.unlink(missing_ok=True)  # so that a collection that breaks off is repeated
    call_command("collectstatic", verbosity=0, interactive=False)
    record.write_text(state)


def _state() -> str:
    """Return a digest of the names, sizes and times of all sources."""
    sources = [(storage.path(name), name) for finder in get_finders() for name, storage in finder.list([])]
    lines = []
    for path, name in sorted(sources):
        status = Path(path).stat()
        lines.append(f"{path} {name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
