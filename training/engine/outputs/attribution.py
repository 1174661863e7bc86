"""Attribution by leave-one-out: each word of a text, or patch of an image, is left out, and the outputs are compared."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from accelerate import Accelerator
from torch import nn

from training.catalog.bundles import array_of
from training.command_output import Attribution, Piece
from training.engine.data.examples import Side, load_examples
from training.engine.data.tokens import GPU_BUDGET, TRANSFORMER_BUDGET, word_pieces, words
from training.engine.determinism import threads, transformer_threads
from training.engine.device_copies import to_device
from training.engine.errors import EngineError
from training.engine.models import backbone, classifiers
from training.engine.models.inputs import Inputs, Pairs, Ragged
from training.engine.models.precision import precision_of
from training.engine.outputs.export import weights_of
from training.engine.outputs.occlusion import occlusion_of
from training.engine.targets.imitation import prompted
from training.spec import RunSpec
from training.spec.methods import Imitation
from training.storage.artifacts import Store
from training.storage.probabilities import axes_of, log_odds
from training.words import spans

MOST = 256
"""Largest number of variants of one text; in a longer text neighbouring words are left out together."""


def attribution_of(run: RunSpec, store: Store, example: int) -> Attribution:
    """Return the effect of each word, or of each patch of the image, of ``example`` (its id) on the output of ``run``.

    Leave-one-out after Li, Monroe and Jurafsky (2016, arXiv:1612.08220). The effect of a word is the log-odds of the true label
    with it minus those without it; this difference in nats, unscaled, is ours. Where two words carry the same information,
    neither has an effect. Raises LookupError where the data set has no such example, EngineError without weights or words.
    """
    if array_of(run.model) is not None:
        raise EngineError("The examples of this run are features: they have no words and no pixels to leave out.")
    examples = load_examples(run.dataset, run.fingerprint)
    if isinstance(run.method, Imitation):
        examples = prompted(run, examples, store.read_predictions(run.labels))
    (rows,) = np.nonzero(examples.id == example)
    if not len(rows):
        raise LookupError(f"The data set {run.dataset} has no example {example}.")
    row = int(rows[0])
    if examples.images is not None:
        return occlusion_of(run, store, examples, row)
    columns: dict[Side, pa.ChunkedArray | None] = {"a": examples.text, "b": examples.text_b}
    texts = {side: str(column[row]) for side, column in columns.items() if column is not None}
    left_out = [(side, start, end) for side, text in texts.items() for start, end in pieces_of(text)]
    variants = {
        side: [text, *(text[:start] + text[end:] if side == own else text for own, start, end in left_out)]
        for side, text in texts.items()
    }
    odds = log_odds(logits(run, store, list(variants.values()), examples.classes), int(examples.label[row]))
    return Attribution(
        run=run.key(),
        id=example,
        log_odds=float(odds[0]),
        pieces=tuple(
            Piece(side=side, start=start, end=end, effect=float(odds[0] - without))
            for (side, start, end), without in zip(left_out, odds[1:], strict=True)
        ),
    )


def pieces_of(text: str) -> list[tuple[int, int]]:
    """Return start and end of words and runs of other signs: at most MOST, since neighbours are merged in longer texts."""
    pieces = spans(text)
    together = -(-len(pieces) // MOST)
    return [(pieces[at][0], pieces[min(at + together, len(pieces)) - 1][1]) for at in range(0, len(pieces), together or 1)]


def logits(run: RunSpec, store: Store, sides: list[list[str]], classes: int) -> npt.NDArray[np.float64]:
    """Return the trained model's logits of n texts, or n pairs for two sides: (n,), or with K > 2 classes (n, K)."""
    device = Accelerator().device
    model = trained(run, store, pairs=len(sides) == 2, classes=classes).to(device)
    read = [_read(run, pa.chunked_array([texts])) for texts in sides]
    inputs: Inputs = Pairs(*read) if len(read) == 2 else read[0]
    rows = np.arange(len(sides[0]))
    output = np.empty((len(rows), *axes_of(classes)))
    with threads(transformer_threads()), torch.inference_mode():
        for part in inputs.parts(rows):
            output[part] = model(*(to_device(tensor, device) for tensor in inputs.batch(part))).float().cpu().numpy()
    return output


def trained(run: RunSpec, store: Store, pairs: bool, classes: int) -> nn.Module:
    """Return the trained model of ``run`` as a function of tokens, for a probe too. Raises EngineError without weights."""
    weights = weights_of(run, store)
    model = classifiers.build(run, pairs=pairs, classes=classes)
    model.load_state_dict(weights, strict=run.adaptation != "lora")
    if run.adaptation == "probe":
        scorer = model.scorer if isinstance(model, classifiers.Comparison) else model
        assert isinstance(scorer, classifiers.Head)
        whole = classifiers.FineTuned(backbone.load(run), scorer, backbone.shape(run).reading, precision_of(run))
        model = classifiers.Comparison(whole) if pairs else whole
    return model.eval()


def _read(run: RunSpec, text: pa.ChunkedArray) -> Ragged:
    if run.adaptation == "scratch":
        return words(text, run.max_tokens)
    ids = (text_ids for batch in word_pieces(text, backbone.tokenizer(run), lambda: False) for text_ids in batch)
    return Ragged.of(ids, GPU_BUDGET if torch.cuda.is_available() else TRANSFORMER_BUDGET)
