"""Name what makes a move strong: mates, captures, forks and the like, by rules of our own on the position and the move alone."""

import chess

from training.embedded.build_chess.uci import MATE

VALUES = {chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9, chess.KING: 100}
ENDGAME = 24
"""Most pawns' worth of the pieces of both sides together, without pawns, in an endgame."""
OPENING = 10
"""Moves of a game that are its opening."""


def value(board: chess.Board, square: chess.Square) -> int:
    kind = board.piece_type_at(square)
    return VALUES[kind] if kind else 0


def themes(board: chess.Board, move: chess.Move, score: int) -> list[str]:
    """Return the themes of a puzzle in a fixed order; ``score`` is the engine's, in centipawns for the side to move."""
    after = board.copy(stack=False)
    after.push(move)
    named = {
        f"mate in {MATE - score if score < MATE else 1}": score > MATE - 100,
        "defence": score < 0,
        "fork": _forks(after, move),
        "promotion": move.promotion is not None,
        "capture": board.is_capture(move),
        "recapture": board.is_capture(move) and bool(board.move_stack) and board.peek().to_square == move.to_square,
        "hanging piece": _hanging(board, move),
        "sacrifice": _sacrifice(board, after, move),
        "check": after.is_check(),
        "discovered check": after.is_check() and move.to_square not in after.checkers(),
        "castling": board.is_castling(move),
        "en passant": board.is_en_passant(move),
        "quiet move": not board.is_capture(move) and not after.is_check() and move.promotion is None,
    }
    return [name for name, holds in named.items() if holds] + [phase(board)]


def phase(board: chess.Board) -> str:
    pieces = sum(
        value(board, square) for square, piece in board.piece_map().items() if piece.piece_type not in (chess.PAWN, chess.KING)
    )
    return "endgame" if pieces <= ENDGAME else "opening" if board.fullmove_number <= OPENING else "middlegame"


def _forks(after: chess.Board, move: chess.Move) -> bool:
    """Tell whether the moved piece attacks two pieces that are worth more than it or stand undefended; pawns do not count."""
    own = value(after, move.to_square)
    targets = [
        square
        for square in after.attacks(move.to_square)
        if after.color_at(square) == after.turn
        and after.piece_type_at(square) != chess.PAWN
        and (value(after, square) > own or not after.attackers(after.turn, square))
    ]
    return len(targets) > 1


def _hanging(board: chess.Board, move: chess.Move) -> bool:
    """Tell whether the move captures an undefended piece (not a pawn) that had captured nothing just before."""
    recaptures = bool(board.move_stack) and board.peek().to_square == move.to_square
    return value(board, move.to_square) >= 3 and not board.attackers(not board.turn, move.to_square) and not recaptures


def _sacrifice(board: chess.Board, after: chess.Board, move: chess.Move) -> bool:
    """Tell whether the moved piece, not a pawn, may be taken at a loss: by a cheaper one, or as it stands undefended."""
    own, won = value(board, move.from_square), value(board, move.to_square)
    takers = [value(after, capture.from_square) for capture in after.legal_moves if capture.to_square == move.to_square]
    if own in (1, 100) or not takers:
        return False
    defended = bool(after.attackers(board.turn, move.to_square))
    return won < own - (min(takers) if defended else 0)
