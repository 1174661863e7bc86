"""What may be chosen, by name: models and data sets.

A model's name is one that ships (``MODELS``), one from a ladder of the Hub (``LADDERS``), ``hub:ORG/NAME`` or
``hub:ORG/NAME@REVISION``, or a local folder in the layout of the Hub (an absolute path, or ``local:PATH``), which is called
``local:NAME@DIGEST`` from then on.
"""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from training.catalog import folders, hub, library, local
from training.catalog.datasets import DATASETS, DatasetEntry, from_shelf
from training.catalog.ladders import LADDERS, learning_rates
from training.catalog.local import folder_of as local_folder
from training.catalog.models import MODELS, Adaptation, Kind, ModelEntry, Tuning
from training.catalog.registry import REGISTERED
from training.names import HUB, is_model_name

__all__ = [
    "DATASETS",
    "LADDERS",
    "MODELS",
    "REGISTERED",
    "Adaptation",
    "DatasetEntry",
    "Kind",
    "ModelEntry",
    "Tuning",
    "dataset",
    "examples_of",
    "find",
    "known_dataset",
    "known_model",
    "local_folder",
    "model",
    "ready_datasets",
    "repository_of",
]

Entry = TypeVar("Entry")

_met: dict[str, ModelEntry] = {}
"""What was found out about models that are not in the catalog, in this process."""


def find(kind: str, entries: dict[str, Entry], name: str) -> Entry:
    """The entry called ``name``; a ValueError that suggests the nearest name where there is none."""
    if name not in entries:
        raise unknown(kind, entries, name)
    return entries[name]


def unknown(kind: str, names: Iterable[str], name: str) -> ValueError:
    """The error for a name that is none of ``names``, with the nearest of them."""
    known = list(names)
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
    return ValueError(f"There is no {kind} called “{name}”. {hint}")


def model(name: str) -> ModelEntry:
    """The model called ``name``, with its digest: reads a local folder, and asks the Hub about a model there.

    Raises ValueError with one sentence where there is none, or where it cannot be used.
    """
    if name in MODELS:
        return MODELS[name]
    folder = local_folder(name)
    found = _on_hub(name) if folder is None else _local(folder)
    if folder is not None and local.NAMED.fullmatch(name) and found.name.rpartition("@")[2] != name.rpartition("@")[2]:
        raise ValueError(
            f"The files of the local model {local.title_of(name)} have changed: name its folder again, as local:PATH."
        )
    _met[found.name] = found
    return found


def known_model(name: str) -> ModelEntry | None:
    """What is known of ``name`` without looking anywhere, if anything: for pages, and for what was stored long ago."""
    return MODELS.get(name) or LADDERS.get(name) or _met.get(name)


def _on_hub(name: str) -> ModelEntry:
    repository, revision = repository_of(name)
    commit = hub.resolve(repository, revision)
    if name in LADDERS:
        return replace(LADDERS[name], digest=commit.sha)
    found = commit.facts
    parameters = commit.parameters or _guess(found)
    return ModelEntry(
        name=name,
        title=f"{repository.rpartition('/')[2]}{'@' if revision else ''}{revision[:12]}",
        family=found.architecture,
        parameters=parameters,
        layers=found.layers,
        digest=commit.sha,
        licence=commit.licence,
        source=repository,
        learning_rates=learning_rates(found.kind, parameters),
        kind=found.kind,
        width=found.width,
        context=found.context,
        gated=commit.gated,
        refused=found.refused,
    )


def repository_of(name: str) -> tuple[str, str]:
    """Id on the Hub and revision (empty for the newest) of the model called ``name``. Raises ValueError for an unknown name."""
    if name.startswith(HUB):
        repository, _, revision = name.removeprefix(HUB).partition("@")
        if not is_model_name(name):
            raise ValueError(f"“{name}” is not a model on the Hub: write hub:ORG/NAME or hub:ORG/NAME@REVISION.")
        return repository, revision
    return find("model", MODELS | LADDERS, name).source, ""


def dataset(name: str) -> DatasetEntry:
    """The data set called ``name``: embedded or on the shelf. Raises ValueError with one sentence where it is neither."""
    found = DATASETS.get(name) or from_shelf(name)
    if found is None and name in REGISTERED:
        raise ValueError(
            f"The data set “{name}” has not been fetched yet: fetch it on the page Data sets, "
            f"or with python -m training data fetch {name}."
        )
    if found is None:
        raise unknown("data set", [*ready_datasets(), *REGISTERED], name)
    return found


def known_dataset(name: str) -> DatasetEntry | None:
    """What is known of ``name``, if anything: for pages, and for what was stored long ago."""
    try:
        return dataset(name)
    except ValueError:
        return None


def examples_of(name: str, fingerprint: str) -> Path:
    """Where the examples with this fingerprint are, or would be: the shelf keeps them by content, embedded ones have a place."""
    entry, kept = known_dataset(name), library.file_of(fingerprint)
    return entry.path if entry and not kept.exists() else kept


def ready_datasets() -> list[str]:
    """Names of the data sets that can be trained on now, the embedded ones first."""
    return list(dict.fromkeys([*DATASETS, *library.names()]))


def _local(folder: Path) -> ModelEntry:
    """Raises ValueError; of a folder that is no model it says neither whether it exists nor what else is in it."""
    local.check_readable(folder)
    if not folders.is_model(folder):
        raise local.NotReadable
    try:
        local.check_readable(folder, folders.files_of(folder))
        config = folders.read_config(folder / folders.CONFIG)
        found = folders.facts(config)
        folders.check_tokenizer(folder, config)
        parameters, digest = folders.parameters(folder), folders.digest(folder)
    except OSError as error:
        raise ValueError(f"The model {folder.name} cannot be used: {error.strerror}.") from None
    except local.NotReadable:
        raise
    except ValueError as error:
        raise ValueError(f"The model {folder.name} cannot be used: {error}") from None
    local.record(folder, digest)
    return ModelEntry(
        name=local.name_of(folder, digest),
        title=folder.name,
        family=found.architecture,
        parameters=parameters,
        layers=found.layers,
        digest=digest,
        licence="unknown",
        source=f"local folder {folder.name}",
        learning_rates=learning_rates(found.kind, parameters),
        kind=found.kind,
        width=found.width,
        context=found.context,
        refused=found.refused,
    )


def _guess(found: folders.Facts) -> int:
    """Parameters of a transformer of that size, without embeddings, where nobody says how many it has."""
    return 12 * found.layers * found.width**2
