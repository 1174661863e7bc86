"""The files of a pretrained model: in a local folder, or fetched from the Hub at the run's commit."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from training import catalog
from training.catalog import folders, local, vision
from training.catalog.datasets import EMBEDDED
from training.catalog.folders import Facts
from training.catalog.hub_client import TIMEOUT_SECONDS, Busy, connect, deadline, refusal, token
from training.catalog.models import ModelEntry
from training.engine.errors import CorruptModel, Stopped, Unreachable
from training.engine.hub_download import OnProgress, Repository, patiently
from training.engine.models import embedded_decoder
from training.events import Event, Progress
from training.names import HUB
from training.spec import RunSpec
from training.storage.atomic import out_of_room

PATTERNS = (folders.CONFIG, folders.WEIGHTS, folders.INDEX, "model-*.safetensors", *folders.TOKENIZER, vision.PREPROCESSOR)
"""The files of a repository that are fetched."""

_on_progress: ContextVar[OnProgress] = ContextVar("on_progress", default=lambda phase, done, total: None)


@contextmanager
def watched(emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> Iterator[None]:
    """Emit the progress of downloads every second, and raise Stopped in them once ``should_stop`` returns true.

    Whatever loads a model or its tokenizer may be the first to need its files, so that these two are not passed through.
    """
    emitted = "", 0.0

    def report(phase: str, done: int, total: int) -> None:
        nonlocal emitted
        if should_stop():
            raise Stopped
        now = time.monotonic()
        if phase != emitted[0] or now - emitted[1] >= 1 or done == total:
            emitted = phase, now
            emit(Progress(phase=phase, done=done, total=total))

    before = _on_progress.set(report)
    try:
        yield
    finally:
        _on_progress.reset(before)


def facts(run: RunSpec) -> Facts:
    """Return the facts of the model's config.json. Raises CorruptModel where it is not available."""
    folder = _local_folder(run)
    config = folder / folders.CONFIG if folder else _fetched(run, _fetch_config)
    try:
        return folders.facts(folders.read_config(config))
    except ValueError as error:
        raise CorruptModel(f"The model {public_name(run)} cannot be used: {error}") from None


def folder_of(run: RunSpec) -> Path:
    """Return the folder with the files of the plan. Raises CorruptModel where they have changed or are not available."""
    if entry := catalog.MODELS.get(run.model):
        return embedded_decoder.folder_of(entry, _on_progress.get()) if entry.packages else _shipped(entry)
    folder = _local_folder(run)
    if folder is None:
        return _fetched(run, _fetch_all)
    try:
        local.check_readable(folder, folders.files_of(folder))
        digest = folders.digest(folder)
    except OSError as error:
        raise CorruptModel(f"The model {public_name(run)} cannot be used: {error.strerror}.") from None
    except ValueError as error:
        raise CorruptModel(f"The model {public_name(run)} cannot be used: {error}") from None
    if digest != run.digest:
        raise CorruptModel(f"The files of {public_name(run)} have changed since the run was planned. Plan the experiment again.")
    return folder


def public_name(run: RunSpec) -> str:
    """Return the model's name in errors and exported files: its id on the Hub; a local one without its path."""
    if run.model in catalog.LADDERS or run.model.startswith(HUB):
        return catalog.repository_of(run.model)[0]
    return local.public_name(run.model, run.digest)


def _local_folder(run: RunSpec) -> Path | None:
    try:
        folder = local.folder_of(run.model)
        if folder is not None:
            local.check_readable(folder)
    except ValueError as error:
        raise CorruptModel(f"The model {public_name(run)} cannot be used: {error}") from None
    return folder


def _shipped(entry: ModelEntry) -> Path:
    """Return the folder of a model that ships with the laboratory. Raises CorruptModel where it is damaged."""
    folder = EMBEDDED / entry.name.replace("-", "_")
    try:
        digest = folders.digest(folder)
    except (OSError, ValueError) as error:
        raise CorruptModel(f"The model {entry.title} is damaged: {error} Its files are in {folder}.") from None
    if digest != entry.digest:
        raise CorruptModel(f"The model {entry.title} is damaged: the files in {folder} are not those that the laboratory ships.")
    return folder


def _fetched(run: RunSpec, fetch: Callable[[Repository, OnProgress], Path]) -> Path:
    from httpx2 import HTTPError

    repository = Repository("model", catalog.repository_of(run.model)[0], run.digest)
    where = f"The model {run.model} cannot be fetched from the Hub at commit {run.digest[:12]}"
    try:
        return fetch(repository, _on_progress.get())
    except (HTTPError, OSError, ValueError, Busy) as error:
        if out_of_room(error):
            raise CorruptModel(f"{where}: the disk of its cache is full.") from error
        if sentence := refusal(error, "model", repository.name, run.digest[:12]):
            kind = Unreachable if isinstance(error, Busy) else CorruptModel
            raise kind(f"{where}: {sentence}") from None
        if isinstance(error, OSError) and error.errno is not None:
            raise CorruptModel(f"{where}: its files cannot be written to the cache ({error.strerror}).") from None
        raise Unreachable(f"{where}: the Hub cannot be reached, and not all of its files are on this machine.") from None


def _fetch_config(repository: Repository, on_progress: OnProgress) -> Path:
    def fetch() -> str:
        with deadline(2 * TIMEOUT_SECONDS):
            hub, options = connect(), {"revision": repository.commit, "token": token()}
            config: str = hub.hf_hub_download(repository.name, folders.CONFIG, **options)
            return config

    return Path(patiently(fetch, on_progress))


def _fetch_all(repository: Repository, on_progress: OnProgress) -> Path:
    """Return the folder with the model's files."""
    folder = repository.snapshot(PATTERNS, on_progress)
    try:
        folders.files_of(folder)
    except ValueError as error:
        if repository.complete(PATTERNS) is None:  # without the Hub, its client returns a folder that may lack some
            raise FileNotFoundError from None
        raise CorruptModel(f"The model {repository.name} cannot be used: {error}") from None
    return folder
