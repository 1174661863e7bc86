"""The files of a pretrained model: in a local folder, or fetched from the Hub at the run's commit."""

from collections.abc import Callable
from pathlib import Path

from training import catalog
from training.catalog import folders, hub, local
from training.catalog.folders import Facts
from training.engine.errors import CorruptModel
from training.names import HUB
from training.spec import RunSpec


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


def _fetched(run: RunSpec, fetch: Callable[[str, str], str]) -> Path:
    from httpx2 import HTTPError
    from huggingface_hub import errors

    try:
        repository, _ = catalog.repository_of(run.model)
        return Path(fetch(repository, run.digest))
    except (HTTPError, OSError, ValueError, errors.HFValidationError) as error:
        reason = str(error).partition("\n")[0]
        raise CorruptModel(
            f"The model {run.model} cannot be fetched from the Hub at commit {run.digest[:12]}: {reason}"
        ) from None


def _fetch_config(repository: str, commit: str) -> str:
    import huggingface_hub

    return huggingface_hub.hf_hub_download(repository, folders.CONFIG, revision=commit, token=hub.token())


def _fetch_all(repository: str, commit: str) -> str:
    import huggingface_hub

    patterns = [folders.CONFIG, folders.WEIGHTS, folders.INDEX, "model-*.safetensors", *folders.TOKENIZER]
    return huggingface_hub.snapshot_download(repository, revision=commit, token=hub.token(), allow_patterns=patterns)
