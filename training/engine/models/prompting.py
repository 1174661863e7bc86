"""Prompted models, which are not trained: zero-shot and few-shot prompts (Burns et al. 2023, section 5.2.1).

The words of the prompts are ours. An answer is the next token after the prompt, among the numbers of the classes, by the model's
own unembedding; its probabilities are raw, not calibrated.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from training import catalog
from training.engine.data.examples import Examples
from training.engine.data.split import RANDOM, TRUTH, Rows, Split, draw
from training.engine.errors import EngineError
from training.engine.logits import probabilities
from training.engine.models import backbone
from training.engine.models.chat_template import ChatTemplate
from training.engine.models.features import frozen_features
from training.engine.targets.supervisor_labels import read_supervisor, targets
from training.events import Event
from training.spec import RunSpec
from training.spec.methods import FewShot
from training.storage.artifacts import Store
from training.storage.predictions import Predictions
from training.storage.probabilities import labels_of

SLACK = 4
"""Spare tokens per text, since its tokens may differ next to the surrounding words."""
LEAST = 8
"""Smallest number of tokens of a text in a prompt."""


def answers(
    run: RunSpec, examples: Examples, split: Split, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]
) -> Predictions:
    """Return the predictions of the run's model for half B, the test set and the locked rows. Raises EngineError, Stopped.

    Where the halves are limited, only these rows have prompts; otherwise all, whose features runs of other seeds share.
    """
    parts = {"transfer": split.b.rows, "test": split.test, "locked": split.locked}
    rows = np.concatenate(list(parts.values()))
    answered = np.arange(len(examples.id)) if run.limit is None else np.sort(rows)
    features = frozen_features(run, prompts(run, examples, split, store, answered), "a", store, emit, should_stop)
    vectors = torch.from_numpy(features[np.searchsorted(answered, rows)])
    logits = vectors @ backbone.directions(run, examples.classes).T
    prob = probabilities(logits.squeeze(-1)).numpy()
    names = np.repeat(list(parts), [len(part) for part in parts.values()])
    return Predictions(examples.id[rows], names, examples.group[rows], examples.label[rows], prob)


def prompts(run: RunSpec, examples: Examples, split: Split, store: Store, rows: Rows) -> pa.ChunkedArray:
    """Return a prompt of at most ``run.max_tokens`` tokens for each of ``rows``; long texts are cut, the question never.

    Raises EngineError where too little of the texts would be left.
    """
    entry = catalog.known_dataset(run.dataset)
    classes = entry.classes if entry else tuple(map(str, range(examples.classes)))
    key = ", ".join(f"{number}: {name}" for number, name in enumerate(classes))
    shots = _shots(run, examples, split, store) if isinstance(run.method, FewShot) else []
    tokenizer = backbone.tokenizer(run)
    tokenizer.no_truncation()
    template = ChatTemplate(run) if run.in_chat else None

    def block(text: str, answer: str) -> str:
        return f"Text: {text}\nLabel ({key}):\n{answer}"

    def prompt(before: list[tuple[str, int]], text: str) -> str:
        if template:
            return template.prompt([(block(shown, "").strip(), str(label)) for shown, label in before], block(text, "").strip())
        return "".join(f"{block(shown, str(label))}\n\n" for shown, label in before) + block(text, "")

    words = len(tokenizer.encode(prompt([("", label) for _, label in shots], "")).ids)
    room = (run.max_tokens - words) // (len(shots) + 1) - SLACK
    if room < LEAST:
        need = words + (len(shots) + 1) * (LEAST + SLACK)
        raise EngineError(f"The longest text is {run.max_tokens} tokens, and these prompts need at least {need}: raise it.")
    shown = [(_cut(text, tokenizer, room), label) for text, label in shots]
    filled = [prompt(shown, _cut(text, tokenizer, room)) for text in examples.text.take(rows).to_pylist()]
    longest = max(len(encoding.ids) for encoding in tokenizer.encode_batch(filled))
    if longest > run.max_tokens:
        raise EngineError(f"A prompt has {longest} tokens, and the longest text is {run.max_tokens}: raise it.")
    return pa.chunked_array([pa.array(filled, pa.large_string())])


def _cut(text: str, tokenizer: Any, tokens: int) -> str:
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return text if len(encoding.ids) <= tokens else text[: encoding.offsets[tokens - 1][1]]


def _shots(run: RunSpec, examples: Examples, split: Split, store: Store) -> list[tuple[str, int]]:
    """Return texts of half B with true or weak labels, drawn by the seed: of each label in turn, while there are any."""
    assert isinstance(run.method, FewShot)
    supervisor = read_supervisor(run, store) if run.method.labels == "weak" else None
    rows = split.b.train
    label: npt.NDArray[np.int64] = labels_of(targets(examples, rows, supervisor)).astype(np.int64)
    order = np.argsort(draw(examples.group[rows], run.seed, TRUTH), kind="stable")
    turn = np.zeros(len(rows), np.int64)
    for value in np.unique(label):
        turn[order[label[order] == value]] = np.arange((label == value).sum())
    first: Rows = np.lexsort([label, turn])[: run.method.shots]
    mixed = first[np.argsort(draw(examples.id[rows[first]], run.seed, RANDOM))]  # so that the class of the last one is random
    return [(examples.text[int(rows[at])].as_py(), int(label[at])) for at in mixed]
