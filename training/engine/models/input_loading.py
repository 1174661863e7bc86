"""The loading of model inputs for every row of a data set: features, pixels, hashed words or word pieces."""

from collections.abc import Callable, Iterable

import pyarrow as pa

from training.engine.data.examples import Examples, Side
from training.engine.data.tokens import cached_word_pieces, words
from training.engine.models import backbone
from training.engine.models.data_features import features_of
from training.engine.models.inputs import Dense, Inputs, Pairs
from training.events import Event
from training.spec import RunSpec
from training.storage.artifacts import Store


def load_inputs(
    run: RunSpec,
    examples: Examples,
    store: Store,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
    beside: Iterable[str] = (),
) -> Inputs:
    """Return the inputs, of both texts for pairs. Features and tokens are computed unless another run has stored them.

    Features of the models ``beside`` are computed in the same pass (``features.frozen_features``).
    """

    def load(text: pa.ChunkedArray, side: Side) -> Inputs:
        if examples.images is not None:
            return Dense(features_of(run, examples, side, store, emit, should_stop))
        if run.adaptation == "scratch":
            return words(text, run.max_tokens)
        if run.adaptation == "probe":
            return Dense(features_of(run, examples, side, store, emit, should_stop, beside))
        return cached_word_pieces(run, text, side, backbone.tokenizer(run), store, should_stop)

    first = load(examples.text, "a")
    return first if examples.text_b is None else Pairs(first, load(examples.text_b, "b"))
