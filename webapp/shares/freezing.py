"""Freezing: the files of a version of a share, written once into a folder that nothing changes afterwards.

DATA_DIR/shares/<content hash>/, or shares/<content hash>/ in the store that machines share, with copies on each machine:
archive/                the archive of the experiment: spec, events, predictions, result
examples/               texts and predictions of the examples that readers may see, if any (explorer.frozen_copy)
paper.json              a Report, from which the page and the files of its charts are made
offline.html paper.pdf card.png
checksums.txt           of all of them; its own SHA-256 is the content hash
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from django.contrib.auth.models import User
from django.utils import timezone

from training.storage.archive import seal
from webapp.archives.export import Unfinished, write
from webapp.artifact_store import shares_folder
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import FinishedModels, Missing
from webapp.explorer.frozen_copy import freeze as freeze_examples
from webapp.reports.card import card
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.offline import offline
from webapp.reports.pdf import pdf
from webapp.reports.refusal import Refused
from webapp.reports.report import Report
from webapp.shares import uploading
from webapp.shares.unlocking import days_before, unlocks

ARCHIVE, EXAMPLES = "archive", "examples"
PAPER, OFFLINE, PRINTED, CARD = "paper.json", "offline.html", "paper.pdf", "card.png"

MAKING = ".making-"
ABANDONED_SECONDS = 86_400

MADE: dict[str, Callable[[Report], bytes]] = {OFFLINE: offline, PRINTED: pdf, CARD: card}
"""Files that are made from the report; those of a live share are made on request."""


class Written(NamedTuple):
    """A version in its folder: its content hash, and whether the held-out set was unlocked for it."""

    content: str
    unlocked: bool


def freeze(experiment: Experiment, choices: Choices, by: User, number: int = 1) -> Written:
    """Write version ``number`` of a share.

    Raises Unfinished while runs of the experiment are at work, Refused where there is nothing to show, NotDrawn, OSError,
    StoreUnreachable.
    """
    shares_folder().mkdir(parents=True, exist_ok=True)
    _sweep()
    with tempfile.TemporaryDirectory(dir=shares_folder(), prefix=MAKING) as place:
        folder = Path(place) / "share"
        archive = write(experiment, folder / ARCHIVE, renewed_keys=False)
        unlocked = unlocks(experiment, choices)
        composed = compose(experiment, choices, by, days_before(experiment) if unlocked else None)
        if _state(Experiment.objects.get(pk=experiment.pk)) != _state(experiment):
            raise Unfinished("The experiment was launched again meanwhile. Freeze it once it is at rest.")
        paper = as_version(composed, number, archive)
        _write_examples(experiment, choices, folder / EXAMPLES)
        (folder / PAPER).write_text(paper.model_dump_json(indent=1), encoding="utf-8")
        for name, make in MADE.items():
            (folder / name).write_bytes(make(paper))
        content = seal(folder)
        uploading.upload(folder, content)
        target = shares_folder() / content
        if not target.exists():
            folder.rename(target)
    return Written(content, unlocked)


def _write_examples(experiment: Experiment, choices: Choices, folder: Path) -> None:
    """Write the examples that readers may see: all of the test set, or the highlights."""
    chosen = [highlight.example for highlight in choices.highlights]
    if choices.examples == "none" or (choices.examples == "some" and not chosen):
        return
    try:
        freeze_examples(FinishedModels(experiment), folder, None if choices.examples == "all" else chosen)
    except Missing as error:
        raise Refused(f"{error} Without examples the rest can be shared.") from None


def as_version(paper: Report, number: int, archive: str = "") -> Report:
    """Return the report as version ``number``, frozen today; ``archive`` is the content hash of the experiment's archive."""
    about = {"live": False, "version": number, "frozen": timezone.now().date().isoformat(), "archive": archive}
    return paper.model_copy(update=about)


def _sweep() -> None:
    """Delete the folders that killed processes have left."""
    uploading.sweep(ABANDONED_SECONDS)
    for folder in shares_folder().glob(f"{MAKING}*"):
        if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _state(experiment: Experiment) -> tuple[object, ...]:
    """Return values that change when the experiment is launched again or comes to another result."""
    return experiment.launched_at, experiment.ended_at, experiment.result_runs
