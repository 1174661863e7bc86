"""Early import of all modules that runs import late, for a process that is forked for each run."""

import importlib

LATE = (
    "pandas",  # imported by pyarrow when a column becomes an array
    "tokenizers",
    "transformers.models.auto.modeling_auto",
    "transformers.models.bert.modeling_bert",
    "training.engine.execute",
)
"""Modules that runs import late. peft is left to the runs that need it: it is the slowest to import and rarely used."""


def import_all() -> None:
    for name in LATE:
        importlib.import_module(name)
