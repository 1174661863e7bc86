"""Preparation of a data set from a file or a registered source: conversion, checks, and addition to the library."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

from training import catalog
from training.answers import AnswerRule
from training.catalog import dataset_card, library
from training.catalog.column_mapping import Answered, Features, Mapping, Pictured
from training.catalog.dataset_card import CHECKED_FILE, About
from training.catalog.library import Card
from training.catalog.registry import Registered
from training.command_output import CheckResult
from training.engine.data import answer_mapping, apply_mapping, fetch, written_sources
from training.engine.data.answer_rules import apply_answer_rules
from training.engine.data.bundles import make_bundle
from training.engine.data.checks import check
from training.engine.data.convert import convert
from training.engine.data.families.example import Example, Prompt, Row
from training.engine.data.files import open_file
from training.engine.data.hub_images import HubImages
from training.engine.data.image_checks import check_images
from training.engine.data.image_mapping import Broken, images
from training.engine.data.image_rules import apply_image_rules
from training.engine.data.reader import Reader
from training.engine.data.rules import OnProgress, apply_rules
from training.engine.errors import CorruptData
from training.storage.checksums import digest

FEWEST = 100
"""Rows of an imported file below which no meaningful test set and halves can be drawn."""
EVERY = 2_000
"""Rows between two progress reports."""

Item = TypeVar("Item")


class Track(Protocol):
    def __call__(self, rows: Iterable[Item]) -> Iterator[Item]: ...


def check_file(path: Path, mapping: Mapping, folder: Path, on_progress: OnProgress) -> CheckResult:
    """Read and check ``path`` and write the data set to ``folder``. Raises CorruptData with a sentence."""
    if isinstance(mapping.root, Features):
        return make_bundle(path, mapping.root, folder, on_progress)
    reader, read = open_file(path), Count()
    track = _tracked(reader, read, on_progress)
    if isinstance(mapping.root, Pictured):
        checked = _make_images(reader, mapping.root, read, track, folder, on_progress)
    elif isinstance(mapping.root, Answered):
        prompts = answer_mapping.prompts(reader, mapping.root, track)
        checked = _make_generative(prompts, read, folder, on_progress, mapping.root.rule, mapping.root.keep)
    else:
        checked = _make(apply_mapping.examples(reader, mapping.root, track), read, folder, "", on_progress, mapping)
    if checked.report.counts.kept < FEWEST:
        what = "images" if checked.report.images else "texts"
        raise CorruptData(f"Only {checked.report.counts.kept} {what} of {read.number:,} rows are left, and {FEWEST} are needed.")
    return checked


def _tracked(reader: Reader, read: "Count", on_progress: OnProgress) -> Track:
    """Return a function through which the rows of ``reader`` pass, which are counted and reported."""

    def track(rows: Iterable[Item]) -> Iterator[Item]:
        for row in read(rows):
            if read.number % EVERY == 0:
                on_progress("reading", reader.done, reader.total)
            yield row

    return track


def check_source(name: str, rows: Iterable[Row], total: int, folder: Path, on_progress: OnProgress) -> CheckResult:
    """Check the ``rows`` of the registered data set ``name`` and write it to ``folder``. Raises CorruptData."""
    read = Count()

    def tracked() -> Iterator[Row]:
        for row in read(rows):
            if read.number % EVERY == 0:
                on_progress("reading", read.number, total)
            yield row

    return _make(convert(name, tracked()), read, folder, name, on_progress)


class Count:
    """A counter of the items that pass through it."""

    number = 0

    def __call__(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            self.number += 1
            yield item


def _make(
    examples: Iterable[Example], read: Count, folder: Path, seed: str, on_progress: OnProgress, mapping: Mapping | None = None
) -> CheckResult:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CHECKED_FILE
    counts = apply_rules(examples, path, seed, on_progress, len(mapping.root.class_names) if mapping else 2)
    skipped = read.number - counts.examples if mapping else 0  # a row of a registered source gives several examples
    counts = counts.model_copy(update={"read": read.number, "skipped": skipped})
    return CheckResult(fingerprint=digest(path), report=check(path, counts, on_progress))


def _make_images(
    reader: Reader,
    mapping: Pictured,
    read: Count,
    track: Track,
    folder: Path,
    on_progress: OnProgress,
) -> CheckResult:
    folder.mkdir(parents=True, exist_ok=True)
    path, broken = folder / CHECKED_FILE, Broken()
    counts, chosen = apply_image_rules(images(reader, mapping, track, broken), path, len(mapping.class_names), on_progress)
    counts = counts.model_copy(update={"read": read.number, "skipped": read.number - counts.examples})
    report = check_images(path, chosen, counts, len(mapping.class_names), broken, on_progress)
    return CheckResult(fingerprint=digest(path), report=report)


def _make_generative(
    prompts: Iterable[Prompt],
    read: Count,
    folder: Path,
    on_progress: OnProgress,
    rule: AnswerRule,
    columns: Sequence[str] = (),
) -> CheckResult:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CHECKED_FILE
    counts = apply_answer_rules(prompts, path, rule, columns, on_progress)
    counts = counts.model_copy(update={"read": read.number, "skipped": read.number - counts.examples})
    return CheckResult(fingerprint=digest(path), report=check(path, counts, on_progress, rule))


def add(path: Path, mapping: Mapping, about: About, on_progress: OnProgress) -> Card:
    """Check ``path`` and add it to the library. Raises CorruptData, and ValueError where its name already means other texts."""
    with work_folder() as folder:
        return dataset_card.put(check_file(path, mapping, folder, on_progress), mapping, about, path.name, folder)


def fetch_registered(name: str, mirror: Path | None, on_progress: OnProgress) -> Card:
    """Load the registered data set ``name`` from the Hub or from the folder ``mirror``, check it and add it to the library."""
    entry = catalog.registered(name)
    if entry is None:
        raise catalog.unknown("registered data set", catalog.REGISTERED, name)
    with work_folder() as folder:
        if entry.answers:
            read = Count()
            source, prompts = written_sources.load(name, entry, mirror, folder, read, on_progress)
            checked = _make_generative(prompts, read, folder, on_progress, entry.answers, entry.columns)
        elif entry.pictures:
            source = fetch.load(entry, mirror, on_progress)
            checked = _check_pictures(source, entry, folder, on_progress)
        else:
            source = fetch.load(entry, mirror, on_progress)
            checked = check_source(name, source.rows(), source.total, folder, on_progress)
        card = _registered_card(name, entry, source, checked)
        library.put(card, folder / CHECKED_FILE)
    return card


def _check_pictures(source: fetch.Source, entry: Registered, folder: Path, on_progress: OnProgress) -> CheckResult:
    """Check the images of ``source`` and write them to ``folder``. Raises CorruptData."""
    reader, read = HubImages(source, entry), Count()
    mapping = reader.mapping
    checked = _make_images(reader, mapping, read, _tracked(reader, read, on_progress), folder, on_progress)
    return checked.model_copy(update={"classes": mapping.class_names})


def _registered_card(name: str, entry: Registered, source: fetch.Source, checked: CheckResult) -> Card:
    return Card(
        name=name,
        title=entry.title,
        source=source.where,
        licence=source.licence or entry.licence,
        citation=entry.citation,
        rows=checked.report.counts.kept,
        fingerprint=checked.fingerprint,
        classes=checked.classes or entry.classes,
        answers=entry.answers,
        group=entry.group,
        report=checked.report,
        made=datetime.now(UTC),
    )


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yield a temporary folder on the library's disk; folders of killed processes are removed too."""
    library.folder().mkdir(parents=True, exist_ok=True)
    for left in library.folder().glob(".work-*"):
        if not Path(f"/proc/{left.name.split('-')[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=library.folder(), prefix=f".work-{os.getpid()}-") as folder:
        yield Path(folder)
