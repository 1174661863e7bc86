"""Features of a data set by a model: the one place where heads read them, whatever they are made of."""

from collections.abc import Callable, Iterable

from training.catalog.bundles import array_of
from training.engine.data.examples import Examples, Side
from training.engine.models.array_features import array_features
from training.engine.models.feature_files import Features
from training.engine.models.features import frozen_features
from training.engine.models.image_features import image_features
from training.events import Event
from training.spec import RunSpec
from training.storage.artifacts import Store


def features_of(
    run: RunSpec,
    examples: Examples,
    side: Side,
    store: Store,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
    beside: Iterable[str] = (),
) -> Features:
    """Return the features (rows, width) of every example by the model of ``run``: stored ones, or they are made and stored.

    An array of a feature bundle is copied from the data set, a model of images reads the images, and a transformer the texts of
    ``side``, together with the models ``beside`` (``features.frozen_features``). Raises Stopped, CorruptModel, CorruptData.
    """
    if array_of(run.model) is not None:
        return array_features(run, len(examples), store, should_stop)
    if examples.images is not None:
        return image_features(run, examples.images, len(examples), store, emit, should_stop)
    text = examples.text if side == "a" else examples.text_b
    assert text is not None, "the examples have one text each"
    return frozen_features(run, text, side, store, emit, should_stop, beside)
