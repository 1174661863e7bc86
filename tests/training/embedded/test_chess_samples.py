"""The samples of the chess models: tokens of games, with the tokens that legal moves begin with."""

import random

import chess
import numpy as np
import pytest
import torch

from training.embedded.build_chess.legal import NUMBERS, beginnings, of_game
from training.embedded.build_chess.samples import REQUEST, VOCABULARY, Place, Sample, batch_of, batches, sample
from training.embedded.build_chess.tokens import tokenizer

POSITIONS = {
    "start": chess.STARTING_FEN,
    "castling, en passant": "r3k2r/8/8/3pP3/8/8/8/R3K2R w KQkq d6 0 1",
    "knights on one file, on one rank and on neither": "4k3/8/8/1N3N2/8/1N6/8/4K2N w - - 0 1",
    "three queens that share files and ranks": "7k/8/8/8/Q6Q/8/8/Q3K3 w - - 0 1",
    "promotion with and without a capture": "1n2k3/P7/8/8/8/8/8/4K3 w - - 0 1",
    "check": "4k3/8/8/8/8/8/4r3/R3K2R w KQ - 0 1",
}


@pytest.mark.parametrize("fen", POSITIONS.values(), ids=POSITIONS)
def test_a_legal_move_begins_with_the_token_that_its_notation_begins_with(fen: str) -> None:
    board, read = chess.Board(fen), tokenizer()
    assert beginnings(board) == {read.encode(board.san(move)).tokens[1] for move in board.legal_moves}


def shown(game: Sample) -> list[tuple[str, int]]:
    return [(VOCABULARY[token], len(legal)) for token, legal in zip(game.ids, game.legal, strict=False)]


def test_legal_moves_stand_at_the_token_before_a_move_and_before_no_continuation_of_one() -> None:
    uci, read = ["e2e4", "e7e5", "d1h5", "b8c6", "h5f7"], tokenizer()
    legal = [np.array(numbers, np.int16) for numbers in of_game(uci)]
    game = [*read.encode("e4 e5 Qh5 Nc6 Qxf7+").ids, VOCABULARY.index("</s>")]
    never = random.Random()
    never.random = lambda: 1.0  # type: ignore[method-assign]
    assert shown(sample(game, legal, never)) == [
        ("<s>", 20),
        ("e4", 20),
        ("e5", 29),
        ("Qh5", 26),
        ("Nc6", 39),
        ("Qxf7", 0),
        ("##+", 0),
    ]
    never.random = lambda: 0.0  # type: ignore[method-assign]
    requested = sample(game, legal, never)
    assert shown(requested)[:4] == [("<s>", 0), ("...", 20), ("e4", 0), ("...", 20)]
    assert NUMBERS["Qxf7"] in requested.legal[9]


def test_a_batch_tells_each_place_its_legal_tokens_with_equal_shares() -> None:
    samples = [Sample([1, 7, 2], [np.array([7, 8], np.int16), np.array([], np.int16)]), Sample([1, 2], [np.array([9], np.int16)])]
    batch = batch_of(samples)
    assert batch.ids.tolist() == [[1, 7, 2], [1, 2, 0]]
    assert (batch.places.tolist(), batch.legal.tolist()) == ([0, 0, 2], [7, 8, 9])
    assert torch.equal(batch.shares, torch.tensor([0.5, 0.5, 1.0]))


def test_a_pass_continues_where_it_was_stopped() -> None:
    samples = [Sample([1, 4 + number, 2], [np.array([4], np.int16)] * 2) for number in range(100)]
    whole = [batch.ids.tolist() for batch, _ in zip(batches(samples, Place()), range(6), strict=False)]
    rest = [batch.ids.tolist() for batch, _ in zip(batches(samples, Place(position=2)), range(4), strict=False)]
    assert rest == whole[2:]
    assert REQUEST not in {token for batch in whole for row in batch for token in row}
