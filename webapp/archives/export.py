"""An experiment as one file, which another installation verifies and shows with the same numbers."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from django.contrib.auth.models import User

from training import RunSpec, Store, Triplet
from training.events import EVENT, EVENTS, EventRecord, RunStarted
from training.metrics.results import Result
from training.redaction import PublicEvents, renamed
from training.storage.archive import ABOUT, RESULT_FILES, RUN, Archive, Origin, pack, seal, versions_of
from training.storage.checksums import MISSING, DamagedArtifact
from webapp import temporary_files
from webapp.artifact_store import artifact_store
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import stored_events
from webapp.experiments.imported_runs import exported
from webapp.experiments.models import Experiment, Run, Status
from webapp.experiments.redaction import public_models, public_text


class Unfinished(Exception):
    """The experiment has runs in progress, or was never launched."""


def packed(experiment: Experiment, by: User) -> IO[bytes]:
    """Return the archive for this person as an open temporary file. Raise Unfinished, OSError."""
    with tempfile.TemporaryDirectory(dir=temporary_files.folder()) as place:
        folder, target = Path(place) / "archive", Path(place) / "archive.zip"
        write(experiment, folder)
        pack(folder, target)
        tell(by, Verb.EXPORTED, "experiment", experiment.pk, experiment.name)
        return target.open("rb")


def write(experiment: Experiment, folder: Path, *, renewed_keys: bool = True) -> str:
    """Write the experiment's runs, its spec and its result into ``folder``. Return the content hash.

    It contains no folder, host or account of this laboratory. With ``renewed_keys`` runs of earlier versions, whose keys cover
    the path of a local model, get the keys that they would have today. Without it they keep their keys, for use inside this
    laboratory only.

    Raise Unfinished, OSError, StoreUnreachable, and DamagedArtifact for a file that differs from what was written.
    """
    launched, ended = experiment.launched_at, experiment.ended_at
    if experiment.state not in ("finished", "failed", "stopped") or launched is None or ended is None:
        raise Unfinished("An archive can be made when no run of the experiment is queued or in training.")
    store, starts = artifact_store(), list[RunStarted]()
    runs = list(experiment.runs.distinct().order_by("key"))
    models = public_models(runs) if renewed_keys else {}
    specs = exported(runs, models)
    names = {key: spec.key() for key, spec in specs.items()} | models
    public = PublicEvents(public_text)
    for run in runs:
        starts += _write_run(run, specs[run.key], store, Store(folder), public)
    result = None if experiment.result is None else Result.model_validate(renamed(experiment.result, names))
    about = Archive(
        number=experiment.pk,
        name=experiment.name,
        owner=experiment.owner.get_full_name(),
        launched_at=launched,
        ended_at=ended,
        spec=renamed(experiment.spec, names),
        triplets=[Triplet(**renamed(triplet, names)) for triplet in experiment.triplets],
        result=result,
        versions=versions_of(starts),
        datasets={run.run_spec.dataset: run.run_spec.fingerprint for run in runs},
        imported={names[run.key]: Origin.model_validate(run.origin) for run in runs if run.origin},
    )
    (folder / ABOUT).write_text(about.model_dump_json(indent=1), encoding="utf-8")
    return seal(folder)


def _write_run(run: Run, spec: RunSpec, store: Store, target: Store, public: PublicEvents) -> list[RunStarted]:
    """Write the run as ``spec``. Return the first event of each attempt."""
    folder, starts = target.run(spec.key()), list[RunStarted]()
    folder.mkdir(parents=True)
    (folder / RUN).write_text(spec.model_dump_json(indent=2), encoding="utf-8")
    for name in RESULT_FILES if run.status == Status.FINISHED else ():
        try:
            store.checksums.verify(store.run(run.key) / name, again=True)
        except FileNotFoundError:
            raise DamagedArtifact(run.key, name, MISSING) from None
        _link(store.run(run.key) / name, folder / name)
    with (folder / EVENTS).open("w", encoding="utf-8") as file:
        for event in stored_events.each(run.pk):
            left = public.of(EVENT.validate_python(event.payload))
            record = EventRecord(seq=event.seq, attempt=event.attempt, at=event.at, event=left)
            file.write(record.model_dump_json() + "\n")
            if isinstance(left, RunStarted):
                starts.append(left)
    return starts


def _link(source: Path, target: Path) -> None:
    """Link the file, or copy it to another file system. Finished files are only ever replaced, never edited."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
