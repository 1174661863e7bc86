"""The texts that models wrote for an example, as pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webapp.charts.numbers import rate
from webapp.example_queries.rows import Pieces, Written
from webapp.explorer.marked_text import Piece, plain


@dataclass(frozen=True)
class WrittenAnswer:
    """The text that one model wrote; ``answer`` is that found in it, empty for none, ``log`` its log-probability in nats."""

    token: str
    title: str
    text: list[Piece]
    answer: str
    log: str
    right: bool
    ended: bool


def written_answers(legend: Sequence[tuple[str, str]], example: Written, texts: Mapping[str, Pieces]) -> list[WrittenAnswer]:
    """Return what each model of the view wrote; ``texts`` has the texts by seat, with marks on search hits."""
    return [
        WrittenAnswer(token, title, plain(texts[seat]), wrote.answer, rate(wrote.log_probability, 2), wrote.right, wrote.ended)
        for (token, title), (seat, wrote) in zip(legend, example.said.items(), strict=True)
    ]
