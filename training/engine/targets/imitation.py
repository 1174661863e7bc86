"""Imitation prompts: the supervisor's label is put into the text that the student reads."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from training import catalog
from training.engine.data.examples import Examples
from training.spec import RunSpec
from training.storage.predictions import Predictions

PROMPT = "\n\nI think this is {}. What do you think?"
"""Burns et al. 2023, appendix E.3."""


def prompted(run: RunSpec, examples: Examples, supervisor: Predictions) -> Examples:
    """Return ``examples`` with the name of the supervisor's hard label at the end of each text that it labelled.

    Other texts are unchanged; the run does not read them.
    """
    entry = catalog.known_dataset(run.dataset)
    names = entry.classes if entry else tuple(map(str, range(examples.classes)))
    endings = np.full(len(examples), "", object)
    places = {int(example_id): row for row, example_id in enumerate(examples.id)}
    for example_id, label in zip(supervisor.id.tolist(), supervisor.label.tolist(), strict=True):
        endings[places[example_id]] = PROMPT.format(names[label])
    text = [f"{text}{end}" for text, end in zip(examples.text.to_pylist(), endings, strict=True)]
    return replace(examples, text=pa.chunked_array([pa.array(text, pa.large_string())]))
