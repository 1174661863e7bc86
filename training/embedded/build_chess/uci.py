"""Speak the Universal Chess Interface with an engine process: one thread, searches limited by nodes, hence repeatable."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

MATE = 10_000
"""The score of a mate in 0, in centipawns; a mate in n moves counts MATE - n."""


@dataclass(frozen=True)
class Line:
    """One reported variation: its rank among the requested ones, its score in centipawns for the side to move."""

    depth: int
    nodes: int
    rank: int
    score: int
    moves: tuple[str, ...]


def parse(text: str) -> Line | None:
    """Return the variation of an `info` line, or None where the line has none or only a bound of the score."""
    words = text.split()
    if words[:1] != ["info"] or "pv" not in words or "lowerbound" in words or "upperbound" in words:
        return None
    at = {word: i for i, word in reversed(list(enumerate(words)))}
    kind, value = words[at["score"] + 1], int(words[at["score"] + 2])
    score = value if kind == "cp" else MATE - value if value > 0 else -MATE - value
    rank = int(words[at["multipv"] + 1]) if "multipv" in at else 1
    return Line(int(words[at["depth"] + 1]), int(words[at["nodes"] + 1]), rank, score, tuple(words[at["pv"] + 1 :]))


class Engine:
    """An engine process. Raise RuntimeError where it ends before it answers."""

    def __init__(self, command: str = "stockfish", hash_mib: int = 4) -> None:
        self._process = subprocess.Popen([command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self._variations = 0
        self._send("uci")
        self.name = next(line[8:] for line in self._until("uciok") if line.startswith("id name "))
        self._send(f"setoption name Threads value 1\nsetoption name Hash value {hash_mib}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def new_game(self) -> None:
        """Clear the hash table and all learned statistics: what follows depends on nothing before."""
        self._send("ucinewgame\nisready")
        list(self._until("readyok"))

    def search(self, moves: list[str], nodes: int, variations: int) -> list[Line]:
        """Return every variation reported while searching `nodes` nodes after the moves (UCI) from the initial position."""
        if variations != self._variations:
            self._send(f"setoption name MultiPV value {variations}")
            self._variations = variations
        self._send(f"position startpos moves {' '.join(moves)}\ngo nodes {nodes}")
        return [line for text in self._until("bestmove") if (line := parse(text))]

    def _send(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def _until(self, word: str) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(word):
                return
            yield line.rstrip("\n")
        raise RuntimeError(f"The engine ended before it answered {word}.")


def last(lines: list[Line]) -> list[Line]:
    """Return the last report of every rank, best first."""
    return [line for _, line in sorted({line.rank: line for line in lines}.items())]
