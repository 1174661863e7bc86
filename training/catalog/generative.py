"""Generative data sets with a built-in conversion, from the Hub or made by the laboratory from a seed.

The keys are those of ``training.engine.data.families.PROMPTS`` and ``MADE``.
"""

import re
from dataclasses import replace

from training.answers import AnswerRule
from training.catalog.registry import Registered

SEEDED = re.compile(r"(.+)-seed-([1-9]\d{0,5})")
"""Name of a data set that is made from another seed than 0."""


def _generative(
    title: str,
    source: tuple[str, str, tuple[str, ...]],
    rule: AnswerRule,
    group: str,
    citation: str,
    licence: str,
    columns: tuple[str, ...] = (),
    joined: Registered | None = None,
) -> Registered:
    repository, config, splits = source
    return Registered(
        title, repository, config, splits, "", "", group, citation, licence, answers=rule, columns=columns, joined=joined
    )


HERE = ("", "default", ())
"""No source but the laboratory."""

NUMBER, MOVE = AnswerRule(extract="number"), AnswerRule(extract="move")
OWN = "Made by Weak-to-strong Lab"
LICHESS = "Lichess open database, https://database.lichess.org"
SCHWARZSCHILD = "Schwarzschild et al. (2021), Datasets for Studying Generalization from Easy to Hard Examples, arXiv:2108.06011"

GENERATIVE: dict[str, Registered] = {
    "gsm8k": _generative(
        "GSM8K",
        ("openai/gsm8k", "main", ("train", "test")),
        NUMBER,
        "the same words",
        "Cobbe et al. (2021), Training Verifiers to Solve Math Word Problems, arXiv:2110.14168",
        "MIT",
        ("solution",),
    ),
    "lichess-puzzles": _generative(
        "Lichess puzzles",
        ("EleutherAI/lichess-puzzles", "default", ("train",)),
        MOVE,
        "the same moves",
        f"{LICHESS}; as text in Burns et al. (2023), Weak-to-Strong Generalization, appendix A.2; {SCHWARZSCHILD}",
        "CC0 1.0",
        ("puzzle", "themes", "fen_before", "moves"),
        _generative(
            "Lichess puzzles", ("Lichess/chess-puzzles", "default", ("train",)), MOVE, "the puzzle", LICHESS, licence="CC0 1.0"
        ),
    ),
    "arithmetic-addition": _generative(
        "Addition of two to six digits", HERE, NUMBER, "the same two numbers", OWN, "CC0 1.0", ("digits",)
    ),
    "arithmetic-steps": _generative(
        "Arithmetic in one to six steps", HERE, NUMBER, "the same numbers in the same order", OWN, "CC0 1.0", ("steps",)
    ),
}


def with_seed(name: str, seed: str) -> str:
    """Return the name of the made data set ``name`` with another seed; without one for seed 0."""
    base = name.partition("-seed-")[0]
    return base if seed == "0" else f"{base}-seed-{seed}"


def seeded(name: str) -> Registered | None:
    """Return the entry of a made data set whose ``name`` ends in its seed, such as arithmetic-steps-seed-3; None for others."""
    match = SEEDED.fullmatch(name)
    entry = GENERATIVE.get(match[1]) if match else None
    if match is None or entry is None or entry.repository:
        return None
    return replace(entry, title=f"{entry.title}, seed {match[2]}", seed=int(match[2]))
