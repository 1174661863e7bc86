"""An experiment as one file that another installation verifies and shows with the same numbers."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from django.conf import settings
from django.contrib.auth.models import User

from training import Store, Triplet
from training.archive import ABOUT, MADE, RUN, Archive, Origin, pack, seal, versions_of
from training.checksums import MISSING, DamagedArtifact
from training.events import EVENT, EVENTS, RunStarted, Told
from training.results import Result
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments.models import Event, Experiment, Run, Status
from webapp.experiments.origins import exported_keys, renamed
from webapp.experiments.queries import state


class Unfinished(Exception):
    """The experiment is still at work, or has never been."""


def packed(experiment: Experiment, by: User) -> IO[bytes]:
    """The archive, for this person, as an open file that is on the disk as long as it is open. Raises Unfinished, OSError."""
    with tempfile.TemporaryDirectory(dir=settings.UPLOADS_DIR) as place:
        folder, target = Path(place) / "archive", Path(place) / "archive.zip"
        write(experiment, folder)
        pack(folder, target)
        tell(by, Verb.EXPORTED, "experiment", experiment.pk, experiment.name)
        return target.open("rb")


def write(experiment: Experiment, folder: Path) -> str:
    """Fills ``folder`` with the experiment's runs, its spec and its result; returns the content hash.

    Raises Unfinished, OSError, and DamagedArtifact for a file that is not what its run has written.
    """
    launched, ended = experiment.launched_at, experiment.ended_at
    if state(experiment) not in ("finished", "failed", "stopped") or launched is None or ended is None:
        raise Unfinished("An archive can be made once nothing of the experiment is at work any more.")
    store, starts = Store(settings.ARTIFACTS_DIR), list[RunStarted]()
    runs = list(experiment.runs.distinct().order_by("key"))
    names = exported_keys(runs)
    for run in runs:
        starts += _write_run(run, names, store, Store(folder))
    result = None if experiment.result is None else Result.model_validate(renamed(experiment.result, names))
    about = Archive(
        number=experiment.pk,
        name=experiment.name,
        owner=experiment.owner.get_username(),
        launched_at=launched,
        ended_at=ended,
        spec=experiment.spec,
        triplets=[Triplet(**renamed(triplet, names)) for triplet in experiment.triplets],
        result=result,
        versions=versions_of(starts),
        datasets={run.run_spec.dataset: run.run_spec.fingerprint for run in runs},
        imported={names[run.key]: Origin.model_validate(run.origin) for run in runs if run.origin},
    )
    (folder / ABOUT).write_text(about.model_dump_json(indent=1), encoding="utf-8")
    return seal(folder)


def _write_run(run: Run, names: Mapping[str, str], store: Store, target: Store) -> list[RunStarted]:
    """Returns what the run told at the start of each attempt. ``names`` are the keys of runs in the archive."""
    folder, starts = target.run(names[run.key]), list[RunStarted]()
    folder.mkdir(parents=True)
    (folder / RUN).write_text(run.run_spec.with_keys(names).model_dump_json(indent=2), encoding="utf-8")
    for name in MADE if run.status == Status.FINISHED else ():
        try:
            store.checksums.verify(store.run(run.key) / name, again=True)
        except FileNotFoundError:
            raise DamagedArtifact(run.key, name, MISSING) from None
        _link(store.run(run.key) / name, folder / name)
    with (folder / EVENTS).open("w", encoding="utf-8") as file:
        for event in Event.objects.filter(run=run).order_by("seq").iterator():
            told = Told(seq=event.seq, attempt=event.attempt, at=event.at, event=EVENT.validate_python(event.payload))
            file.write(told.model_dump_json() + "\n")
            if isinstance(told.event, RunStarted):
                starts.append(told.event)
    return starts


def _link(source: Path, target: Path) -> None:
    """Finished files are only ever replaced, never edited, so that one file may have two names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
