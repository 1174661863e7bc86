"""Everything that some run imports late, imported early: for a process that is forked for each run."""

import importlib

LATE = (
    "pandas",  # pyarrow does, when a column becomes an array
    "tokenizers",
    "transformers.models.auto.modeling_auto",
    "transformers.models.bert.modeling_bert",
    "training.engine.execute",
)
"""peft is left to the runs that need it: it is the slowest to import, and the rarest."""


def import_all() -> None:
    for name in LATE:
        importlib.import_module(name)
