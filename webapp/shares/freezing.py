"""Freezing: what a version of a share shows, written once into a folder that nothing changes afterwards.

DATA_DIR/shares/<content hash>/
archive/                the experiment's archive: spec, events, predictions, result
examples/               their texts and what the runs say of them, where readers may see some (explorer.frozen_copy)
paper.json              a Report, from which the page and the files of its charts are made
offline.html paper.pdf card.png
checksums.txt           of all of them; its own SHA-256 is the content hash
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from training.storage.archive import seal
from webapp.archives.export import Unfinished, write
from webapp.experiments.models import Experiment
from webapp.explorer.finished_models import Cast, Missing
from webapp.explorer.frozen_copy import freeze as freeze_examples
from webapp.reports.card import card
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.offline import offline
from webapp.reports.pdf import pdf
from webapp.reports.refusal import Refused
from webapp.reports.report import Report
from webapp.shares.unlocking import days_before, opens

ARCHIVE, EXAMPLES = "archive", "examples"
PAPER, OFFLINE, PRINTED, CARD = "paper.json", "offline.html", "paper.pdf", "card.png"

MAKING = ".making-"
ABANDONED_SECONDS = 86_400

MADE: dict[str, Callable[[Report], bytes]] = {OFFLINE: offline, PRINTED: pdf, CARD: card}
"""Files that are made of the paper; those of a live share are made when they are asked for."""


def freeze(experiment: Experiment, choices: Choices, by: User, number: int = 1) -> str:
    """Writes version ``number`` of a share and returns its content hash.

    Raises Unfinished while something of the experiment is at work, Refused where there is nothing to show, NotDrawn, OSError.
    """
    settings.SHARES_DIR.mkdir(parents=True, exist_ok=True)
    _sweep()
    with tempfile.TemporaryDirectory(dir=settings.SHARES_DIR, prefix=MAKING) as place:
        folder = Path(place) / "share"
        archive = write(experiment, folder / ARCHIVE, renewed_keys=False)
        composed = compose(experiment, choices, by, days_before(experiment) if opens(experiment, choices) else None)
        if _asked(Experiment.objects.get(pk=experiment.pk)) != _asked(experiment):
            raise Unfinished("The experiment was launched again meanwhile. Freeze it once it is at rest.")
        paper = as_version(composed, number, archive)
        _write_examples(experiment, choices, folder / EXAMPLES)
        (folder / PAPER).write_text(paper.model_dump_json(indent=1), encoding="utf-8")
        for name, make in MADE.items():
            (folder / name).write_bytes(make(paper))
        content = seal(folder)
        target = settings.SHARES_DIR / content
        if not target.exists():
            folder.rename(target)
    return content


def _write_examples(experiment: Experiment, choices: Choices, folder: Path) -> None:
    """The examples that readers may see: all of the test set, or the highlights."""
    chosen = [one.example for one in choices.highlights]
    if choices.examples == "none" or (choices.examples == "some" and not chosen):
        return
    try:
        freeze_examples(Cast(experiment), folder, None if choices.examples == "all" else chosen)
    except Missing as error:
        raise Refused(f"{error} Without examples the rest can be shared.") from None


def as_version(paper: Report, number: int, archive: str = "") -> Report:
    """The page as version ``number``, frozen today; ``archive`` is the content hash of the experiment's archive."""
    about = {"live": False, "version": number, "frozen": timezone.now().date().isoformat(), "archive": archive}
    return paper.model_copy(update=about)


def _sweep() -> None:
    """Takes away what processes that were killed have left."""
    for folder in settings.SHARES_DIR.glob(f"{MAKING}*"):
        if time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _asked(experiment: Experiment) -> tuple[object, ...]:
    """What changes when the experiment is launched again, or comes to another result, while it is being written."""
    return experiment.launched_at, experiment.ended_at, experiment.result_runs
