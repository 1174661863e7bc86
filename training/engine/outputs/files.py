"""Writing of a finished run's files, in an order in which a reader never sees a part of them."""

from safetensors.torch import save_file
from torch import Tensor

from training.engine.models import classifiers
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.written_answers import Course, Outputs


def write_outputs(
    run: RunSpec,
    store: Store,
    weights: dict[str, Tensor] | None,
    trajectory: Course,
    predictions: Outputs,
) -> None:
    """Write the files of ``run``; ``weights`` is None where they are not stored."""
    if weights is not None:
        # A model that starts from texts has a head of classes, or reads the published unembedding.
        left_out = classifiers.UNEMBEDDING if run.reads else ()
        stored = {name: tensor for name, tensor in weights.items() if not name.startswith(left_out)}
        with store.writing(store.weights(run.key())) as file:
            save_file({name: tensor.cpu().contiguous() for name, tensor in stored.items()}, file)
    store.write_trajectory(run.key(), trajectory)
    store.write_run(run)
    store.write_predictions(run.key(), predictions)  # last, since they mark the run as finished
