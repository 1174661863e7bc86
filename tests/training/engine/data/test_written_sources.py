"""Registered generative data sets: from the Hub, joined from two of its data sets, and made from a seed."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.factories.hub_datasets import publish
from tests.factories.hub_server import HubServer
from training import catalog
from training.catalog.generative import GENERATIVE
from training.catalog.library import Card
from training.engine.data import prepare
from training.engine.data.families import MADE, PROMPTS
from training.engine.errors import CorruptData

pytestmark = pytest.mark.usefixtures("cache")

GSM8K = [
    {
        "question": f"Ida has {n} pears and gets {n} more. How many?",
        "answer": f"She has {n}+{n}=<<{n}+{n}={2 * n}>>{2 * n}.\n#### {2 * n:,}",
    }
    for n in range(490, 620)
]
PUZZLES = [{"id": f"p{n}", "ctx": f"1. e4 e5 2. Nf3 {n}", "target": "Qxf7#" if n % 2 else "O-O"} for n in range(120)]
RATED: list[dict[str, Any]] = [
    {
        "PuzzleId": f"p{n}",
        "FEN": f"8/8/8/8/8/8/8/K6k w - - 0 {n}",
        "Moves": "e2e4 h5f7",
        "Rating": 600 + n,
        "Themes": "fork short",
    }
    for n in range(20, 140)
]


def nothing(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def rows_of(card: Card) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(catalog.dataset(card.name).path).to_pylist()
    return rows


def test_every_generative_data_set_has_a_conversion_or_a_generator() -> None:
    assert set(GENERATIVE) == {*PROMPTS, *MADE}


def test_gsm8k_has_the_number_after_the_solution_as_its_answer_and_keeps_the_solution(
    hub: HubServer, dataset_library: Path
) -> None:
    _, commit = publish(hub, "gsm8k", GSM8K)
    card = prepare.fetch_registered("gsm8k", None, nothing)
    assert card.source == f"openai/gsm8k on the Hub, main, commit {commit[:12]}"
    assert (card.rows, card.classes, card.answers) == (130, (), GENERATIVE["gsm8k"].answers)
    row = next(row for row in rows_of(card) if "has 600 pears" in row["text"])
    assert row["text"] == "Question: Ida has 600 pears and gets 600 more. How many?\nAnswer:"
    assert (row["answers"], row["solution"]) == (["1,200"], "She has 600+600=1200.")
    assert card.answers
    assert card.answers.right("So it is 1200.", row["answers"])


@pytest.mark.parametrize("themes", ["fork short", ["fork", "short"]])
def test_puzzles_are_joined_by_their_id_to_ratings_and_themes(
    hub: HubServer, dataset_library: Path, themes: str | list[str]
) -> None:
    entry = GENERATIVE["lichess-puzzles"]
    _, commit = publish(hub, "lichess-puzzles", PUZZLES)
    _, other = publish(hub, "", [row | {"Themes": themes} for row in RATED], entry.joined)
    card = prepare.fetch_registered("lichess-puzzles", None, nothing)
    assert card.source == (
        f"EleutherAI/lichess-puzzles on the Hub, commit {commit[:12]}; Lichess/chess-puzzles on the Hub, commit {other[:12]}"
    )
    rows = {row["puzzle"]: row for row in rows_of(card)}
    assert sorted(rows) == sorted(f"p{n}" for n in range(20, 120))
    row = rows["p21"]
    assert (row["text"], row["answers"], row["difficulty"]) == ("1. e4 e5 2. Nf3 21", ["Qxf7#"], 621.0)
    assert (row["themes"], row["fen_before"], row["moves"]) == ("fork short", "8/8/8/8/8/8/8/K6k w - - 0 21", "e2e4 h5f7")
    assert card.report.answers
    assert card.report.answers.commonest_rows == 50


def test_two_sources_without_a_common_id_or_without_ids_are_one_sentence(hub: HubServer, dataset_library: Path) -> None:
    entry = GENERATIVE["lichess-puzzles"]
    publish(hub, "lichess-puzzles", PUZZLES)
    publish(hub, "", [row | {"PuzzleId": "other"} for row in RATED], entry.joined)
    with pytest.raises(CorruptData, match="No row of the first source has the id of a row of the second"):
        prepare.fetch_registered("lichess-puzzles", None, nothing)
    publish(hub, "lichess-puzzles", [{"ctx": row["ctx"], "target": row["target"]} for row in PUZZLES])
    with pytest.raises(CorruptData, match=r"The source has no column “id”\. There are: ctx, target"):
        prepare.fetch_registered("lichess-puzzles", None, nothing)


def test_a_row_without_the_expected_columns_is_one_sentence(hub: HubServer, dataset_library: Path) -> None:
    publish(hub, "gsm8k", [{"question": "1 + 1", "solution": "2"}] * 3)
    with pytest.raises(CorruptData, match="Row 1 of “gsm8k” does not have the columns"):
        prepare.fetch_registered("gsm8k", None, nothing)


@pytest.mark.parametrize("name", MADE)
def test_a_made_data_set_is_the_same_for_a_seed_and_right_and_harder_by_its_difficulty(name: str, dataset_library: Path) -> None:
    card = prepare.fetch_registered(name, None, nothing)
    assert (card.source, card.report.counts.copies, card.report.warnings) == ("made by the laboratory from seed 0", 0, ())
    assert prepare.fetch_registered(name, None, nothing).fingerprint == card.fingerprint
    other = prepare.fetch_registered(f"{name}-seed-7", None, nothing)
    assert (other.name, other.source) == (f"{name}-seed-7", "made by the laboratory from seed 7")
    assert other.fingerprint != card.fingerprint

    for row in rows_of(card)[:500]:
        assert row["answers"] == [str(value_of(row["text"]))]
    levels = {row["difficulty"] for row in rows_of(card)}
    assert levels == (set(range(2, 7)) if name == "arithmetic-addition" else set(range(1, 7)))
    assert catalog.dataset(name).task == "generative"


def value_of(text: str) -> int:
    """The result of a made prompt, read from its words."""
    words = text.replace("=", "").replace(".", "").removesuffix("Result:").split()
    if "+" in words:
        return int(words[0]) + int(words[2])
    value = int(words[2])
    numbers = iter(words[3:])
    for word in numbers:
        match word:
            case "Add":
                value += int(next(numbers))
            case "Subtract":
                value -= int(next(numbers))
            case "Multiply":
                assert next(numbers) == "by"
                value *= int(next(numbers))
    return value


@pytest.mark.parametrize("name", ["gsm8k-seed-3", "arithmetic-steps-seed-0", "arithmetic-steps-seed-01", "arithmetic-seed-1"])
def test_only_made_data_sets_have_a_seed_in_their_name(name: str, dataset_library: Path) -> None:
    assert catalog.registered(name) is None
    with pytest.raises(ValueError, match="There is no registered data set"):
        prepare.fetch_registered(name, None, nothing)
