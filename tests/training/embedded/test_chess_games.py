"""The build script of the chess data, with recorded lines of an engine and one that scores moves by their letters."""

import hashlib
from typing import cast

import chess
import pytest

from training.embedded.build_chess.games import LONGEST, Game, play
from training.embedded.build_chess.puzzles import candidates, chance, difference, numbered, settled
from training.embedded.build_chess.themes import themes
from training.embedded.build_chess.tokens import CONTEXT, tokenizer
from training.embedded.build_chess.uci import MATE, Engine, Line, last, parse

RECORDED = """info string NNUE evaluation using nn-ad9b42354671.nnue enabled
info depth 1 seldepth 1 multipv 1 score cp 20 nodes 40 nps 40000 hashfull 0 tbhits 0 time 1 pv g1f3
info depth 1 seldepth 1 multipv 2 score cp 10 nodes 40 nps 40000 hashfull 0 tbhits 0 time 1 pv e2e4 e7e5
info depth 2 seldepth 2 multipv 1 score cp 35 lowerbound nodes 70 nps 70000 hashfull 0 tbhits 0 time 1 pv d2d4
info depth 2 seldepth 2 multipv 1 score mate 2 nodes 90 nps 90000 hashfull 0 tbhits 0 time 1 pv e2e4 e7e5 d1h5
info depth 2 seldepth 2 multipv 2 score mate -1 nodes 90 nps 90000 hashfull 0 tbhits 0 time 1 pv f2f3
info depth 3 currmove e2e4 currmovenumber 1"""


class HashEngine:
    """An engine whose scores are a hash of position and move."""

    def new_game(self) -> None:
        pass

    def search(self, moves: list[str], nodes: int, variations: int) -> list[Line]:
        board = chess.Board()
        for move in moves:
            board.push_uci(move)

        def score(move: str) -> int:
            return hashlib.sha256(f"{board.fen()} {move}".encode()).digest()[0] - 128

        best = sorted((move.uci() for move in board.legal_moves), key=score, reverse=True)[:variations]
        return [Line(1, nodes, rank, score(move), (move,)) for rank, move in enumerate(best, 1)]


def lines() -> list[Line]:
    return [line for text in RECORDED.splitlines() if (line := parse(text))]


def test_an_engine_s_lines_are_read_with_mates_as_scores_and_without_bounds() -> None:
    assert [(line.rank, line.score, line.nodes, line.moves[0]) for line in lines()] == [
        (1, 20, 40, "g1f3"),
        (2, 10, 40, "e2e4"),
        (1, MATE - 2, 90, "e2e4"),
        (2, 1 - MATE, 90, "f2f3"),
    ]
    assert [line.moves for line in last(lines())] == [("e2e4", "e7e5", "d1h5"), ("f2f3",)]


def test_a_search_settles_at_the_nodes_from_which_the_best_move_stays_first() -> None:
    assert settled(lines(), "e2e4") == 90
    assert settled(lines()[:2], "g1f3") == 40


def test_only_moves_that_are_better_than_a_second_are_puzzles() -> None:
    assert difference(last(lines())) == pytest.approx(chance(1000) - chance(-1000))
    assert difference(last(lines())[:1]) == float("inf")


def test_a_game_depends_on_its_number_alone_and_obeys_the_rules() -> None:
    engine = cast(Engine, HashEngine())
    game = play(engine, 7)
    assert play(engine, 7) == game
    assert play(engine, 8).uci != game.uci
    board = chess.Board()
    for san in game.san:
        board.push_san(san)  # raises for a move that is not legal
    assert [move.uci() for move in board.move_stack] == game.uci
    assert len(game.scores) == len(game.uci) <= LONGEST
    assert (game.end == "checkmate") == board.is_checkmate()


def test_puzzles_are_looked_for_where_the_opponent_erred() -> None:
    scores = [0] * 12 + [300, -300] * 9  # the move at ply 11 gave away 300
    game = Game(1, "longest", ["e2e4"] * 30, ["e4"] * 30, scores)
    assert candidates(game) == [12]


def test_moves_are_numbered_as_in_pgn_with_the_number_of_the_move_that_is_asked_for() -> None:
    assert numbered(["e4"]) == "1. e4 1..."
    assert numbered(["e4", "e5"]) == "1. e4 e5 2."


@pytest.mark.parametrize(
    ("fen", "move", "score", "named"),
    [
        ("6k1/5ppp/8/8/8/8/8/R5K1 w - - 0 1", "a1a8", MATE - 1, ["mate in 1", "check", "endgame"]),
        ("4k3/8/8/8/3n4/8/8/R3K3 b - - 0 1", "d4c2", 300, ["fork", "check", "endgame"]),
        ("7k/P7/8/8/8/8/8/K7 w - - 0 1", "a7a8q", 900, ["promotion", "check", "endgame"]),
        ("4k3/8/8/3r4/8/8/8/3RK3 w - - 0 1", "d1d5", 500, ["capture", "hanging piece", "endgame"]),
        ("4k3/8/2p5/3n4/8/8/8/3RK3 w - - 0 1", "d1d5", -50, ["defence", "capture", "sacrifice", "endgame"]),
        ("4k3/8/8/8/8/8/4N3/4R1K1 w - - 0 1", "e2c3", 600, ["check", "discovered check", "endgame"]),
        ("4k3/8/8/8/8/8/8/4K2R w K - 0 1", "e1g1", 500, ["castling", "quiet move", "endgame"]),
    ],
)
def test_a_move_is_named_by_what_makes_it_strong(fen: str, move: str, score: int, named: list[str]) -> None:
    assert themes(chess.Board(fen), chess.Move.from_uci(move), score) == named


def test_a_move_is_one_token_and_rare_parts_continue_it() -> None:
    read = tokenizer()
    assert read.encode("1. e4 e5 2. Nbxd2 bxa8=Q# 3.").tokens == ["<s>", "e4", "e5", "Nb", "##xd2", "bxa8", "##=Q", "###", "..."]
    assert read.decode(read.encode("12. Nbd2+ O-O 13. R1xe3").ids) == "Nbd2+ O-O R1xe3"
    assert read.get_vocab_size() == 1021
    assert CONTEXT >= 2 * LONGEST
