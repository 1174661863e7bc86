"""Files are made once, by whoever comes first, and only those who need the same one wait."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factories.example_tables import World, make_world
from webapp.example_queries import database as module
from webapp.example_queries.database import Base
from webapp.example_queries.tables import build_table
from webapp.example_queries.view import View


class Held:
    """Building of tables that begins, and goes on when ``go`` is set; ``made`` has the names of the files."""

    def __init__(self, build: Callable[..., None]) -> None:
        self.build, self.begun, self.go, self.made = build, threading.Event(), threading.Event(), list[str]()

    def __call__(self, store: Any, keys: Any, split: str, texts: Path, target: Path, memory: str, threads: int) -> None:
        if split == "test":
            self.begun.set()
            assert self.go.wait(30)
        self.build(store, keys, split, texts, target, memory, threads)
        self.made.append(target.name)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(build_table)
    monkeypatch.setattr(module, "build_table", held)
    yield held
    held.go.set()


def rows(base: Base, world: World) -> int:
    with replace(world, base=base).slice(View()) as rows:
        return rows.rows


def test_two_processes_that_want_the_same_file_make_it_once(world: World, held: Held) -> None:
    other = Base(world.base.folder, "256MB", 1)
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(rows, base, world) for base in (world.base, other, world.base)]
        assert held.begun.wait(30)
        held.go.set()
        assert [look.result() for look in futures] == [200, 200, 200]
    assert len(held.made) == 1


def test_while_a_file_is_made_others_are_read(world: World, held: Held) -> None:
    with ThreadPoolExecutor() as pool:
        look = pool.submit(rows, world.base, world)
        assert held.begun.wait(30)
        assert rows(world.base, replace(world, source=replace(world.source, split="transfer"))) == 200
        assert not look.done()
        held.go.set()
        assert look.result() == 200


def test_who_does_not_want_to_wait_is_told_and_the_file_is_made_all_the_same(world: World, held: Held) -> None:
    assert not world.base.ready(world.source, 0.01)
    assert not world.base.ready(world.source, 0.01)
    held.go.set()
    assert world.base.ready(world.source, 60)
    assert (rows(world.base, world), len(held.made)) == (200, 1)


def test_what_cannot_be_made_is_an_error_each_time(world: World) -> None:
    source = replace(world.source, keys=("0" * 64, *world.source.keys[1:]))
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            world.base.ready(source, 60)
