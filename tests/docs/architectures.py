"""The page of architectures, generated from what is planned for the families that tests/factories/families.py makes."""

from collections.abc import Iterator

from tests.factories.families import REFUSED, USABLE, Family
from training.catalog import folders
from training.catalog.architectures import KINDS, VERSION

COLUMNS = {
    "lora": "LoRA",
    "unembedding": "head at the unembedding",
    "checkpointing": "gradient checkpointing",
    "language": "prompts, texts before training",
}
"""Uses of a model that may be refused, each with the heading of its column."""
DECODERS_ONLY = ("unembedding", "language")


def page() -> str:
    decoders, encoders = map(list(KINDS.values()).count, ("decoder", "encoder"))
    lines = [
        "# Architectures\n",
        f"Generated from `training/catalog/architectures.py`, for transformers {VERSION}. A test tries every row on a tiny model",
        "with random weights: frozen features and a probe, LoRA and full tuning for some steps, a text alone and beside longer",
        "ones, the token at which it is read, the start of the head, gradient checkpointing, and the export read back by",
        "transformers and PEFT with equal logits. Refusals are made when an experiment is planned, by the form, the API and the",
        "command line alike.\n",
        f"Transformers {VERSION} has {decoders} text decoders and {encoders} encoders. Those not listed here are accepted and",
        "tried when they are loaded.\n",
        "## Families that are used\n",
        "A probe, full tuning, right padding and the export of each work. Encoders are read by the mean of their states or by",
        "the first token’s, decoders at the last token.\n",
        f"| family | kind | {' | '.join(COLUMNS.values())} |",
        f"|---|---|{'---|' * len(COLUMNS)}",
        *map(_row, USABLE),
        "",
        "## What is refused of them\n",
        "| family | what | sentence |\n|---|---|---|",
        *(line for family in USABLE for line in _refusals(family)),
        "",
        "## Models that are refused\n",
        "| model | sentence |\n|---|---|",
        *(f"| {family.name} | {_sentence(family)} |" for family in REFUSED),
        "",
    ]
    return "\n".join(lines)


def _row(family: Family) -> str:
    facts = folders.facts(family.config)
    cells = [
        "" if facts.kind == "encoder" and what in DECODERS_ONLY else "no" if what in facts.refused else "yes" for what in COLUMNS
    ]
    return f"| {family.name} | {facts.kind} | {' | '.join(cells)} |"


def _refusals(family: Family) -> Iterator[str]:
    for what, sentence in folders.facts(family.config).refused.items():
        yield f"| {family.name} | {COLUMNS[what]} | {sentence} |"


def _sentence(family: Family) -> str:
    try:
        folders.facts(family.config)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"{family.name} is not refused")
