"""The shipped puzzles, checked by an independent library that knows the rules."""

from typing import Any

import chess
import pyarrow.parquet as pq
import pytest

from training.answers import AnswerRule
from training.embedded.build_chess.dataset import TARGET
from training.embedded.build_chess.tokens import CONTEXT, tokenizer

CHECKED = 20
"""Every twentieth puzzle is played through, which takes a second."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = pq.read_table(TARGET).to_pylist()
    return table


def played(text: str) -> chess.Board:
    board = chess.Board()
    for word in text.split():
        if word[0].isdigit():
            assert word == f"{board.fullmove_number}." + (".." if board.turn == chess.BLACK else "")
        else:
            board.push_san(word)
    return board


def test_a_puzzle_s_position_moves_and_answer_follow_from_its_text(rows: list[dict[str, Any]]) -> None:
    for row in rows[::CHECKED]:
        board = played(row["text"])
        assert board.fen() == row["fen"]
        assert board.peek().uci() == row["last_move"]
        assert [board.parse_uci(uci) for uci in row["legal_uci"]] == [board.parse_san(san) for san in row["legal_san"]]
        assert len(row["legal_uci"]) == board.legal_moves.count()
        assert row["answers"][0] in row["legal_san"]


def test_a_mate_in_one_is_mate_and_the_only_one(rows: list[dict[str, Any]]) -> None:
    for row in [row for row in rows if "mate in 1" in row["themes"]][::CHECKED]:
        board = chess.Board(row["fen"])
        assert [san for san in row["legal_san"] if san.endswith("#")] == row["answers"]
        board.push_san(row["answers"][0])
        assert board.is_checkmate()


def test_no_position_is_there_twice_and_ids_are_unique(rows: list[dict[str, Any]]) -> None:
    assert len({row["id"] for row in rows}) == len({" ".join(row["fen"].split()[:4]) for row in rows}) == len(rows)


def test_every_text_and_answer_is_written_in_known_tokens_within_the_context(rows: list[dict[str, Any]]) -> None:
    read = tokenizer()
    unknown = read.token_to_id("<unk>")
    for row in rows:
        ids = read.encode(f"{row['text']} {row['answers'][0]}").ids
        assert unknown not in ids
        assert len(ids) < CONTEXT


def test_no_two_legal_moves_are_the_same_answer(rows: list[dict[str, Any]]) -> None:
    rule = AnswerRule(extract="move")
    for row in rows[::CHECKED]:
        assert len({rule.answer(san) for san in row["legal_san"]}) == len(row["legal_san"])
