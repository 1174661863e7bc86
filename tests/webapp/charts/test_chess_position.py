import pytest

from webapp.charts.chess_position import legal_move, read_fen, squares

CASTLED = "r3k2r/8/8/8/8/8/5PPP/4QRK1 b kq - 3 21"


def test_a_fen_gives_the_pieces_by_square_and_the_side_to_move() -> None:
    position = read_fen(CASTLED)
    assert position.pieces == {
        "a8": "r", "e8": "k", "h8": "r", "f2": "P", "g2": "P", "h2": "P", "e1": "Q", "f1": "R", "g1": "K",
    }  # fmt: skip
    assert position.side == "Black"


def test_a_position_is_told_in_words_by_side_and_piece() -> None:
    assert read_fen(CASTLED).words == "White: king g1, queen e1, rook f1, pawns f2, g2 and h2. Black: king e8, rooks a8 and h8."


@pytest.mark.parametrize(
    ("fen", "reason"),
    [
        ("", "eight ranks"),
        ("8/8/8/8/8/8/8 w - - 0 1", "eight ranks"),
        ("9/8/8/8/8/8/8/8 w - - 0 1", "eight ranks"),
        ("8/8/8/4x3/8/8/8/8 w - - 0 1", "eight ranks"),
        ("8/8/8/8/8/8/8/8", "side is to move"),
        ("8/8/8/8/8/8/8/8 white - - 0 1", "side is to move"),
    ],
)
def test_a_fen_that_is_none_is_refused_with_its_reason(fen: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_fen(fen)


def test_a_move_is_two_squares_and_perhaps_a_promotion() -> None:
    assert squares("e2e4") == ("e2", "e4")
    assert squares("a7b8q") == ("a7", "b8")
    with pytest.raises(ValueError, match="e2-e4"):
        squares("e2-e4")


def test_a_written_move_is_looked_up_among_the_legal_ones_without_its_marks() -> None:
    san, uci = ["Nbd2", "Nfd2", "exd8=Q+", "exd8=N", "O-O"], ["b1d2", "f3d2", "e7d8q", "e7d8n", "e1g1"]
    assert legal_move("Nbd2!", san, uci) == "b1d2"
    assert legal_move(" ed8=Q", san, uci) == "e7d8q"
    assert legal_move("0-0", san, uci) == "e1g1"
    assert legal_move("Nd2", san, uci) is None
    assert legal_move("I resign", san, uci) is None
