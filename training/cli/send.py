"""Sending of an experiment that was run without a laboratory, as an archive."""

import shutil
import tempfile
from pathlib import Path

import httpx2

from training.client import Lab, Refused
from training.events import EVENTS, EventRecord, RunStarted
from training.metrics.results import summarize
from training.planning.plan import Plan
from training.redaction import PublicEvents
from training.storage.archive import ABOUT, RESULT_FILES, RUN, Archive, Broken, pack, read_events, seal, versions_of
from training.storage.artifacts import Store


class NotSent(Exception):
    """The experiment could not be sent; the message says why."""


def send(plan: Plan, store: Store, url: str) -> str:
    """Send the runs of ``plan`` and return the address of the new experiment at the laboratory ``url``. Raises NotSent."""
    with tempfile.TemporaryDirectory() as place:
        folder, packed = Path(place) / "archive", Path(place) / "archive.zip"
        try:
            write(plan, store, folder)
            pack(folder, packed)
            number = Lab(url).push(packed).id
        except (Broken, Refused, OSError, ValueError) as error:
            raise NotSent(str(error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotSent(f"{url} does not answer: {error}") from None
    return f"{url.rstrip('/')}/experiments/{number}/"


def write(plan: Plan, store: Store, folder: Path) -> str:
    """Write the archive of the plan's runs in ``store`` to ``folder`` and return its content hash. Raises NotSent."""
    for key in plan.runs:
        if store.finished(key) and (damage := store.damage(key, again=True)):
            raise NotSent(f"{damage} python -m training run moves it aside and trains the run again.")
        if not store.finished(key):
            raise NotSent(f"Run {key[:12]} has not finished: python -m training run goes on with it.")
        if not (store.run(key) / EVENTS).exists():
            raise NotSent(f"Of run {key[:12]} no events were kept, which an archive needs. Train it again.")
    public = PublicEvents()
    records_of = {key: _copy(store.run(key), folder / "runs" / key, key, public) for key in plan.runs}
    events = [record for records in records_of.values() for record in records]
    about = Archive(
        number=None,
        name=plan.spec.name,
        owner="",
        launched_at=min(record.at for record in events),
        ended_at=max(record.at for record in events),
        spec=plan.spec.model_dump(mode="json"),
        triplets=list(plan.triplets),
        result=summarize(plan, store.read_outputs, store.read_course),
        versions=versions_of(record.event for record in events if isinstance(record.event, RunStarted)),
        datasets={run.dataset: run.fingerprint for run in plan.runs.values()},
    )
    (folder / ABOUT).write_text(about.model_dump_json(indent=1), encoding="utf-8")
    return seal(folder)


def _copy(source: Path, target: Path, key: str, public: PublicEvents) -> list[EventRecord]:
    """Copy the files of a run and return its events, redacted: without the names of this machine and its accounts."""
    target.mkdir(parents=True)
    for name in (RUN, EVENTS, *RESULT_FILES):
        if (source / name).exists():  # a run without evaluations has no trajectory
            shutil.copyfile(source / name, target / name)
    records = [record.model_copy(update={"event": public.of(record.event)}) for record in read_events(target.parents[1], key)]
    (target / EVENTS).write_text("".join(f"{record.model_dump_json()}\n" for record in records), encoding="utf-8")
    return records
