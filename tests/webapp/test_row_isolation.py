"""Loops in which one damaged row does not stop the others."""

import pytest
from django.db import OperationalError

from webapp.row_isolation import Isolated, sentence


def test_every_other_row_is_worked_on_and_the_damaged_one_is_noted_and_left_alone_for_a_while() -> None:
    tried: list[int] = []
    noted: list[tuple[int, str]] = []

    def work(row: int) -> int:
        tried.append(row)
        return 10 // row

    isolated = Isolated("division")
    for _ in range(2):
        assert isolated.all([1, 0, 2], work, lambda row, error: noted.append((row, error))) == [10, 5]
    assert tried == [1, 0, 2, 1, 2]
    assert [row for row, _ in noted] == [0]
    assert noted[0][1].startswith("ZeroDivisionError: ")


def test_a_row_that_works_again_is_forgotten() -> None:
    isolated = Isolated("division", first=0)
    broken = {2}

    def work(row: int) -> int:
        if row in broken:
            raise KeyError(row)
        return row

    assert isolated.all([1, 2], work) == [1]
    broken.clear()
    assert isolated.all([1, 2], work) == [1, 2]


def test_a_database_that_is_away_is_no_fault_of_the_row_but_a_row_of_malformed_json_is() -> None:
    def raising(text: str) -> list[None]:
        def work(row: int) -> None:
            raise OperationalError(text)

        return Isolated("queries").all([1], work)

    with pytest.raises(OperationalError):
        raising("database is locked")
    assert raising("malformed JSON") == []


def test_an_error_that_cannot_be_noted_stops_nothing_either() -> None:
    def note(row: int, error: str) -> None:
        raise ValueError(error)

    assert Isolated("division").all([0, 5], lambda row: 10 // row, note) == [2]


@pytest.mark.parametrize(("error", "said"), [(KeyError("prob"), "KeyError: 'prob'."), (ValueError("a\0b\nc"), "ValueError: ab.")])
def test_an_error_is_said_in_one_line_that_every_database_can_store(error: Exception, said: str) -> None:
    assert sentence(error) == said
