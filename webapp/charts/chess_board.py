"""A chess board as an SVG drawing, with the last move and moves as arrows; colours come from static/css/chess.css.

The side to move is at the bottom. Pieces are paths, so that the drawing does not depend on fonts.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 # builds XML, reads none

from webapp.charts.chess_position import FILES, RANKS, read_fen, squares
from webapp.charts.styles import Style

SQUARE, EDGE = 45, 16
"""Pixels of a square, and of the margin with the letters and numbers at the left and below."""
WIDTH = 8 * SQUARE + EDGE

HEAD, APART, SHORTER = 15, 9, 4
"""Pixels of an arrow's head, between arrows on one line, and left free before the centre of its square."""
BADGE = 8
"""Radius of the circle with the letter of the piece that a pawn becomes, in pixels."""

Line = tuple[int, int, int]

BASE = "M11 38v-3.5q0-2 2-2h19q2 0 2 2V38z"
PIECES = {
    "p": "M22.5 10a5.4 5.4 0 0 1 3.6 9.4c2.6 2.6 1.6 8.6 5.4 13.1h-18c3.8-4.5 2.8-10.5 5.4-13.1A5.4 5.4 0 0 1 22.5 10z",
    "n": "M13.5 32.5c.2-7.5 6-9.5 7.2-14.7l-5.2 2.7-2.7 3.2c-2.2 1.2-4.6-.8-3.9-3.1l4.6-7.6c.9-2.2 2.4-3.5 4.3-4.3"
    "l.8-3.7 3.7 3c8.5 1.6 10.7 12.5 9.7 24.5z",
    "b": "M22.5 6.5a2.7 2.7 0 0 1 1.7 4.8c4.7 3.8 6.6 8.7 3.5 13.4l1.9 7.8H15.4l1.9-7.8c-3.1-4.7-1.2-9.6 3.5-13.4"
    "a2.7 2.7 0 0 1 1.7-4.8z",
    "r": "M12.5 9h4.6v3.5h3.1V9h4.6v3.5h3.1V9h4.6v8.5l-3.5 2.5.9 12.5H15.1l.9-12.5-3.5-2.5z",
    "q": "M15 32.5L9.2 16.4a2.3 2.3 0 1 1 2-.6l5.3 6.4-.6-10.1a2.3 2.3 0 1 1 2.1-.1l4.5 8.7 4.5-8.7a2.3 2.3 0 1 1 2.1.1"
    "l-.6 10.1 5.3-6.4a2.3 2.3 0 1 1 2 .6L30 32.5z",
    "k": "M21.2 5.5h2.6v2.7h2.7v2.6h-2.7v3.4c4-3 11.5-1.7 11.5 4.3 0 5-4.3 8-5.3 14h-15c-1-6-5.3-9-5.3-14 0-6 7.5-7.3 11.5-4.3"
    "v-3.4h-2.7V8.2h2.7z",
}
"""Outlines of the pieces, drawn for this board, in a square of 45 by 45 pixels."""
DETAILS = {"n": "M16.3 15.2h.1", "b": "M22.5 15.5v6.4M19.3 18.7h6.4", "r": "M16.5 20h12", "k": "M22.5 16.5v11"}


@dataclass(frozen=True)
class Arrow:
    """A move (UCI) in the colour and dash of a role, with its tooltip, such as “Student: Nf3”."""

    move: str
    style: Style
    title: str


def chess_board(fen: str, arrows: Sequence[Arrow] = (), last_move: str | None = None) -> str:
    """Return an SVG. Raises ValueError for a FEN or a move that cannot be read."""
    position = read_fen(fen)
    image = Element("svg", {"class": "chess-board", "viewBox": f"0 0 {WIDTH} {WIDTH}", "role": "img"})
    SubElement(image, "title").text = f"Chess position, {position.side} to move"
    last = ["Last move: {} to {}.".format(*squares(last_move))] if last_move else []
    SubElement(image, "desc").text = " ".join([position.words, *last, *(f"{arrow.title}." for arrow in arrows)])
    places = _places(position.white_moves)
    _squares(image, places, squares(last_move) if last_move else ())
    for square, piece in sorted(position.pieces.items()):
        _piece(image, piece, *places[square])
    lines = [_line(arrow.move) for arrow in arrows]
    passed, many = Counter[Line](), Counter(line for line, _ in lines)
    wide = {line for (line, _), arrow in zip(lines, arrows, strict=True) if arrow.move[4:]}
    for arrow, (line, forwards) in zip(arrows, lines, strict=True):
        aside = (2 * BADGE if line in wide else APART) * (passed[line] - (many[line] - 1) / 2)
        _arrow(image, arrow, places, aside if forwards else -aside)
        passed[line] += 1
    return tostring(image, encoding="unicode")


def _line(move: str) -> tuple[Line, bool]:
    """Return the straight line over the board that a move is on, and whether the move goes forwards on it.

    Moves on one line, such as e2e3 and e2e4, would cover each other.
    """
    (x, y), (x2, y2) = ((FILES.index(square[0]), RANKS.index(square[1])) for square in squares(move))
    steps = math.gcd(x2 - x, y2 - y) or 1
    across, down = (x2 - x) // steps, (y2 - y) // steps
    forwards = (across, down) > (0, 0)
    if not forwards:
        across, down = -across, -down
    return (across, down, x * down - y * across), forwards


def _places(white_below: bool) -> dict[str, tuple[int, int]]:
    """Return the upper left corner of every square, in pixels."""
    files, ranks = (FILES, RANKS) if white_below else (FILES[::-1], RANKS[::-1])
    return {file + rank: (EDGE + SQUARE * x, SQUARE * y) for y, rank in enumerate(ranks) for x, file in enumerate(files)}


def _squares(image: Element, places: dict[str, tuple[int, int]], last_move: Sequence[str]) -> None:
    for square, (x, y) in places.items():
        dark = (FILES.index(square[0]) + RANKS.index(square[1])) % 2
        name = f"{'dark' if dark else 'light'}{' last' if square in last_move else ''}"
        shape = {"x": str(x), "y": str(y), "width": str(SQUARE), "height": str(SQUARE)}
        SubElement(image, "rect", {"class": name, **shape})
        if x == EDGE:
            SubElement(image, "text", {"x": f"{EDGE / 2:g}", "y": f"{y + SQUARE / 2 + 4:g}"}).text = square[1]
        if y == 7 * SQUARE:
            SubElement(image, "text", {"x": f"{x + SQUARE / 2:g}", "y": str(WIDTH - 3)}).text = square[0]


def _piece(image: Element, piece: str, x: int, y: int) -> None:
    kind = piece.lower()
    drawn = SubElement(image, "g", {"class": "black" if piece == kind else "white", "transform": f"translate({x} {y})"})
    SubElement(drawn, "path", {"d": PIECES[kind] + BASE})
    if kind in DETAILS:
        SubElement(drawn, "path", {"class": "detail", "d": DETAILS[kind]})


def _arrow(image: Element, arrow: Arrow, places: dict[str, tuple[int, int]], aside: float) -> None:
    """Draw an arrow from centre to centre, moved ``aside`` at a right angle to it."""
    (x, y), (x2, y2) = (places[square] for square in squares(arrow.move))
    length, turned = math.hypot(x2 - x, y2 - y), math.degrees(math.atan2(y2 - y, x2 - x))
    drawn = SubElement(
        image,
        "g",
        {
            "class": "arrow",
            "stroke": arrow.style.colour,
            "fill": arrow.style.colour,
            "transform": f"translate({x + SQUARE / 2:g} {y + SQUARE / 2:g}) rotate({turned:.2f}) translate(0 {aside:g})",
        },
    )
    SubElement(drawn, "title").text = arrow.title
    tip = length - SHORTER
    for name in ("halo", "line"):
        SubElement(drawn, "path", {"class": name, "d": f"M0 0H{tip - HEAD:.1f}"})
    SubElement(drawn, "path", {"class": "head", "d": f"M{tip:.1f} 0l-{HEAD} -{HEAD / 2}v{HEAD}z"})
    if promoted := arrow.move[4:]:
        upright = f"translate({tip:.1f} 0) rotate({-turned:.2f})"
        badge = SubElement(drawn, "g", {"class": "promoted", "transform": upright})
        SubElement(badge, "circle", {"r": str(BADGE)})
        SubElement(badge, "text", {"y": "4"}).text = promoted.upper()
