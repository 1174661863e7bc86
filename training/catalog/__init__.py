"""The catalog: models and data sets that may be chosen, by name.

A model's name is one that ships (``MODELS``), one from a ladder of the Hub (``LADDERS``), ``hub:ORG/NAME`` or
``hub:ORG/NAME@REVISION``, a local folder in the layout of the Hub (an absolute path, or ``local:PATH``), whose name is then
``local:NAME@DIGEST``, or ``features:ARRAY``, an array of the experiment's feature bundle. Labels from outside, ``given:NAME``,
stand where a supervisor stands.
"""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from training.catalog import bundles, folders, hub, library, local, outside, packages, vision
from training.catalog.datasets import BROUGHT, DATASETS, DatasetEntry, from_library
from training.catalog.generative import GENERATIVE, seeded, with_seed
from training.catalog.ladders import LADDERS, learning_rates
from training.catalog.local import folder_of as local_folder
from training.catalog.models import NO_CHAT_TEMPLATE, TEXT_MODELS, Adaptation, Kind, ModelEntry, Tuning
from training.catalog.pictured import PICTURED
from training.catalog.registry import LABELLED, Registered
from training.names import GIVEN, HUB, is_model_name

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
    "known_model_on",
    "local_folder",
    "model",
    "model_on",
    "ready_datasets",
    "registered",
    "repository_of",
    "with_seed",
]

MODELS: dict[str, ModelEntry] = TEXT_MODELS | {entry.name: entry for entry in vision.MODELS}
"""The models that ship with the laboratory, or are installed beside it."""

REGISTERED: dict[str, Registered] = {**LABELLED, **GENERATIVE, **PICTURED}
"""The data sets with a built-in conversion, which can be fetched or made."""

Entry = TypeVar("Entry")

_resolved: dict[str, ModelEntry] = {}
"""Models outside the catalog that this process has resolved, by name."""


def find(kind: str, entries: dict[str, Entry], name: str) -> Entry:
    """Return the entry called ``name``. Raises ValueError, which suggests the nearest name."""
    if name not in entries:
        raise unknown(kind, entries, name)
    return entries[name]


def unknown(kind: str, names: Iterable[str], name: str) -> ValueError:
    """Return the error for a name that is not in ``names``, with the nearest of them."""
    known = list(names)
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
    return ValueError(f"There is no {kind} called “{name}”. {hint}")


def model(name: str) -> ModelEntry:
    """Return the model called ``name``, with its digest; reads a local folder, and asks the Hub about its models.

    Raises ValueError with one sentence where the model does not exist or cannot be used.
    """
    if bundles.array_of(name) is not None:
        return bundles.entry_of(name)
    if name in MODELS:
        if sentence := packages.missing(MODELS[name]):
            raise ValueError(sentence)
        return MODELS[name]
    if name.startswith(GIVEN):
        return _given(outside.find(name))
    folder = local_folder(name)
    entry = _on_hub(name) if folder is None else _local(folder)
    if folder is not None and local.NAMED.fullmatch(name) and entry.name.rpartition("@")[2] != name.rpartition("@")[2]:
        raise ValueError(
            f"The files of the local model {local.title_of(name)} have changed: name its folder again, as local:PATH."
        )
    _resolved[entry.name] = entry
    return entry


def known_model(name: str) -> ModelEntry | None:
    """Return the known entry of the model ``name``, None without one; nothing is read or fetched. For pages and stored specs."""
    if name.startswith(GIVEN):
        return _given(card) if (card := outside.card_of(name)) else None
    if bundles.array_of(name) is not None:
        return bundles.entry_of(name)
    return MODELS.get(name) or LADDERS.get(name) or _resolved.get(name)


def model_on(data: DatasetEntry, name: str) -> ModelEntry:
    """Return the model called ``name`` as experiments on ``data`` use it. Raises ValueError as ``model`` does."""
    return data.models.get(name) or model(name)


def known_model_on(dataset: str, name: str) -> ModelEntry | None:
    """Return the known entry of a model in a run on ``dataset``, None without one; nothing is read or fetched."""
    data = known_dataset(dataset) if bundles.array_of(name) is not None else None
    return data.models.get(name) if data else known_model(name)


def _given(card: outside.OutsideCard) -> ModelEntry:
    return ModelEntry(
        name=card.model,
        title=f"{outside.title_of(card.model)}, from outside",
        family="from outside",
        parameters=0,
        layers=None,
        digest=card.digest,
        licence=card.licence,
        source=card.source,
        learning_rates={"given": 0.0},
    )


def _on_hub(name: str) -> ModelEntry:
    repository, revision = repository_of(name)
    commit = hub.resolve(repository, revision)
    if name in LADDERS:
        return replace(LADDERS[name], digest=commit.sha)
    facts = commit.facts
    parameters = commit.parameters or _guess(facts)
    return ModelEntry(
        name=name,
        title=f"{repository.rpartition('/')[2]}{'@' if revision else ''}{revision[:12]}",
        family=facts.architecture,
        parameters=parameters,
        layers=facts.layers,
        digest=commit.sha,
        licence=commit.licence,
        source=repository,
        learning_rates=learning_rates(facts.kind, parameters),
        kind=facts.kind,
        width=facts.width,
        context=facts.context,
        gated=commit.gated,
        refused=facts.refused,
    )


def repository_of(name: str) -> tuple[str, str]:
    """Return id on the Hub and revision (empty for the newest) of the model ``name``. Raises ValueError for an unknown name."""
    if name.startswith(HUB):
        repository, _, revision = name.removeprefix(HUB).partition("@")
        if not is_model_name(name):
            raise ValueError(f"“{name}” is not a model on the Hub: write hub:ORG/NAME or hub:ORG/NAME@REVISION.")
        return repository, revision
    return find("model", MODELS | LADDERS, name).source, ""


def dataset(name: str) -> DatasetEntry:
    """Return the data set ``name``: embedded or in the library. Raises ValueError with one sentence otherwise."""
    entry = DATASETS.get(name) or from_library(name)
    if entry is None and registered(name):
        raise ValueError(
            f"The data set “{name}” has not been fetched yet: fetch it on the page Data sets, "
            f"or with python -m training data fetch {name}."
        )
    if entry is None and name in BROUGHT:
        raise ValueError(BROUGHT[name])
    if entry is None:
        raise unknown("data set", [*ready_datasets(), *REGISTERED], name)
    return entry


def registered(name: str) -> Registered | None:
    """Return the registered data set ``name``, also one that is made from a seed in its name; None for any other."""
    return REGISTERED.get(name) or seeded(name)


def known_dataset(name: str) -> DatasetEntry | None:
    """Return the known entry of the data set ``name``, None without one. For pages and stored specs."""
    try:
        return dataset(name)
    except ValueError:
        return None


def examples_of(name: str, fingerprint: str) -> Path:
    """Return the path of the examples with this fingerprint: in the library, by content, or beside the embedded data sets."""
    entry, stored = known_dataset(name), library.file_of(fingerprint)
    if not (entry and name in DATASETS):  # those ship with every machine
        library.fetch(fingerprint)
    return entry.path if entry and not stored.exists() else stored


def ready_datasets() -> list[str]:
    """Return the names of the data sets that can be trained on now, the embedded ones first."""
    return list(dict.fromkeys([*DATASETS, *library.names()]))


def _local(folder: Path) -> ModelEntry:
    """Return the model in ``folder``. Raises ValueError, which reveals nothing of a folder that holds no model."""
    local.check_readable(folder)
    if not folders.is_model(folder):
        raise local.NotReadable
    try:
        local.check_readable(folder, folders.files_of(folder))
        config = folders.read_config(folder / folders.CONFIG)
        facts = folders.facts(config)
        if not vision.is_vision(config):
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
        family=facts.architecture,
        parameters=parameters,
        layers=facts.layers,
        digest=digest,
        licence="unknown",
        source=f"local folder {folder.name}",
        learning_rates=learning_rates(facts.kind, parameters),
        kind=facts.kind,
        width=facts.width,
        context=facts.context,
        refused=facts.refused | ({} if folders.has_chat_template(folder) else {"chat": NO_CHAT_TEMPLATE}),
    )


def _guess(facts: folders.Facts) -> int:
    """Return an estimate of the parameters of such a transformer, without embeddings, where neither Hub nor files state them."""
    return 12 * facts.layers * facts.width**2
