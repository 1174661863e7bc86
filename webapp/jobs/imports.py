"""Work on imports: a file is checked, or a registered data set fetched, in a child process."""

import functools
import json
import time
from pathlib import Path

from django.conf import settings

from training.catalog.dataset_card import CHECKED_FILE
from training.command_output import CheckResult, Notice
from webapp import uploaded_files
from webapp.child_processes import Child
from webapp.database_outages import patiently
from webapp.imports import child, services
from webapp.imports.models import Import
from webapp.jobs.leased_work import HeldLease, concluded, follow, meanwhile
from webapp.jobs.shutdown import shutting_down

TOO_LONG = "The work took longer than it may (IMPORT_HOURS) and was stopped."


def work(row: Import) -> None:
    """Follow the child of a claimed import to its end."""

    def fail(error: str) -> None:
        services.fail(row.pk, row.attempt, f"The work could not be done. {error}")

    with concluded(str(row), fail), uploaded_files.working(row.folder) as files:
        _work(row, files)


def _work(row: Import, files: uploaded_files.WorkingFolder) -> None:
    lease, report = HeldLease(str(row), time.monotonic()), functools.partial(services.report, row.pk, row.attempt)
    if not row.registered:
        meanwhile(lambda: files.fetch(row.upload), lease, report)
    process = start(row, files.path)
    try:
        messages = follow(process, lease, report, longest=settings.IMPORT_SECONDS)
    finally:
        process.kill()
    status = process.process.returncode
    if status != 0 and (lease.expired or (shutting_down.is_set() and not patiently(lambda: services.stop_requested(row.pk)))):
        patiently(lambda: services.give_back(row.pk, row.attempt))
        return
    error = TOO_LONG if process.seconds > settings.IMPORT_SECONDS else f"The work ended with status {status} without saying why."
    last = next(reversed(messages), None)
    if isinstance(last, CheckResult):
        meanwhile(lambda: files.publish(f"{row.out}/{CHECKED_FILE}"), lease, report)
    patiently(lambda: services.conclude(row.pk, row.attempt, last, error))


def start(row: Import, folder: Path) -> Child[Notice]:
    """Start the child on the files in ``folder``; the mapping goes through a file beside the upload."""
    if row.registered:
        return child.start("fetch", row.registered)
    mapping = folder / "mapping.json"
    mapping.write_text(json.dumps(row.mapping))
    arguments = [str(folder / row.upload), "--mapping", str(mapping)]
    about = row.description
    if about is None:
        return child.start("check", *arguments, "--out", str(folder / row.out))
    return child.start("add", *arguments, *(f"--{field}={value}" for field, value in about.model_dump().items() if value))
