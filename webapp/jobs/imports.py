"""Work on imports: a file is checked, or a registered data set fetched, in a child process."""

import functools
import json
import time

from django.conf import settings

from training.command_output import Notice
from webapp.child_processes import Child
from webapp.database_outages import patiently
from webapp.imports import child, services
from webapp.imports.models import Import
from webapp.jobs.leased_work import HeldLease, concluded, follow
from webapp.jobs.shutdown import shutting_down

TOO_LONG = "The work took longer than it may (IMPORT_HOURS) and was stopped."


def work(row: Import) -> None:
    """Follow the child of a claimed import to its end."""
    with concluded(str(row), lambda error: services.fail(row.pk, row.attempt, f"The work could not be done. {error}")):
        _work(row)


def _work(row: Import) -> None:
    lease, process = HeldLease(str(row), time.monotonic()), start(row)
    try:
        report = functools.partial(services.report, row.pk, row.attempt)
        messages = follow(process, lease, report, longest=settings.IMPORT_SECONDS)
    finally:
        process.kill()
    status = process.process.returncode
    if status != 0 and (lease.expired or (shutting_down.is_set() and not patiently(lambda: services.stop_requested(row.pk)))):
        patiently(lambda: services.give_back(row.pk, row.attempt))
        return
    error = TOO_LONG if process.seconds > settings.IMPORT_SECONDS else f"The work ended with status {status} without saying why."
    patiently(lambda: services.conclude(row.pk, row.attempt, next(reversed(messages), None), error))


def start(row: Import) -> Child[Notice]:
    """Start the child; the mapping goes through a file beside the upload."""
    if row.registered:
        return child.start("fetch", row.registered)
    mapping = row.folder / "mapping.json"
    mapping.write_text(json.dumps(row.mapping))
    arguments = [str(row.file), "--mapping", str(mapping)]
    about = row.description
    if about is None:
        return child.start("check", *arguments, "--out", str(row.folder / "out"))
    return child.start("add", *arguments, *(f"--{field}={value}" for field, value in about.model_dump().items() if value))
