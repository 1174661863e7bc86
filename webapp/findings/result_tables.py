"""The tables of a result as tables of numbers, for their files: accuracies and paired differences of one pair."""

from collections.abc import Iterable

from webapp.findings.boards import Board
from webapp.findings.number_table import EMPTY, Cell, Column, NumberTable, difference, plain, share, whole_number, word
from webapp.findings.tables import Tables
from webapp.findings.wording import count, lower


def result_table(findings: Tables, name: str) -> NumberTable | None:
    """Return the table of this name, None where there is none."""
    tables = {"accuracy": accuracy_table, "differences": difference_table}
    return tables[name](findings) if name in tables else None


def accuracy_table(findings: Tables) -> NumberTable:
    titles = [Column("Seeds"), Column("Accuracy"), Column("Over supervisor, points"), Column("PGR")]
    rows = [
        [
            plain(lane.title, style=lane.style.token),
            plain(lane.model_title),
            plain(lane.trained_on),
            whole_number(len(group.seeds)),
            share(accuracy),
            difference(gain) if gain else EMPTY,
            EMPTY if lane.role != "student" else share(group.pgr, 2) if group.pgr else word(group.state, group.reason),
        ]
        for lane, accuracy, gain, group in findings.accuracies
    ]
    return NumberTable(
        "accuracy",
        "Accuracy",
        [*(Column(title, right=False) for title in ("Role", "Model", "Trained on")), *titles],
        rows,
        f"Test accuracy, {findings.pair.title}, mean of {findings.seeds_text}. {_brackets(findings)}; of PGR by Fieller.",
    )


def difference_table(findings: Tables) -> NumberTable:
    adjusted = "; p is adjusted for all comparisons by Holm’s method" if findings.adjusted else ""
    return NumberTable(
        "differences",
        "Paired differences",
        [Column("Comparison", right=False), Column("Points"), Column("Reading", right=False)],
        [[plain(row.what), difference(row.estimate), plain(row.reading)] for row in findings.differences],
        f"Paired differences of test accuracy in points, {findings.pair.title}, {findings.seeds_text}. "
        f"{_brackets(findings)}{adjusted}.",
    )


def _brackets(findings: Tables) -> str:
    return f"In brackets: 95% intervals over {findings.sources}"


def board_table(board: Board, address: str) -> NumberTable:
    """Return the students of a leaderboard; ``address`` is that of the page that compares experiments."""
    return NumberTable(
        board.id,
        f"{board.dataset}, {board.pair.title}",
        [
            *(Column(title, right=False) for title in ("Method", "Learns from")),
            *map(Column, ("Accuracy", "PGR", "Over supervisor, points")),
            Column("Experiments", right=False),
        ],
        [
            [
                plain(entry.title),
                plain(entry.method.label_source),
                share(entry.group.student) if entry.group.student else EMPTY,
                share(entry.group.pgr, 2) if entry.group.pgr else word(entry.group.state, entry.group.reason),
                difference(entry.group.gain) if entry.group.gain else EMPTY,
                _experiments((experiment.pk for experiment in entry.experiments), address),
            ]
            for entry in board.lines
        ],
        f"Students of the same supervisors and ceilings on {board.dataset}, {board.pair.title}, {count(board.seeds, 'seed')}, by "
        f"accuracy. In brackets: 95% intervals over test examples{' and seeds' if board.seeds > 1 else ', of one seed'}. "
        f"{lower(board.settings)}.",
    )


def _experiments(numbers: Iterable[int], address: str) -> Cell:
    known = list(numbers)
    query = "&".join(f"e={pk}" for pk in known)
    return plain(", ".join(f"#{pk}" for pk in known), f"{address}?{query}")
