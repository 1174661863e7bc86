"""A head as the rest of a run sees it: predictions, named weights, and the state in a checkpoint."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from training.engine.checkpoint import Checkpoint
from training.engine.data.split import Rows
from training.engine.heads.stack import Head
from training.engine.heads.vectors import Vectors
from training.engine.logits import probabilities
from training.engine.models import classifiers
from training.engine.selection import Selection
from training.storage.probabilities import Probabilities


class HeadLearner:
    """A ``head`` and ``model``, the module that it is a layer of and whose names its weights are stored by."""

    def __init__(self, model: nn.Module, head: Head, vectors: Vectors, selection: Selection) -> None:
        self.model, self.head, self.vectors, self.selection = model, head, vectors, selection
        self.evaluated = -1

    def predict(self, rows: Rows) -> Probabilities:
        """Return the probability of class 1 for each of ``rows``, or of all classes, in the shape of the labels."""
        weight, bias = self.head.layer(self.head.weights)
        with torch.inference_mode():
            own = bias if self.vectors.biased else None
            scores = [F.linear(part.to(weight.device), weight, own) for part in self.vectors.parts(rows)]
            logits = torch.cat([weight.new_zeros(0, self.head.outputs), *scores])
            return probabilities(logits.squeeze(1) if self.head.outputs == 1 else logits).cpu().numpy()

    def weights(self) -> dict[str, Tensor]:
        """Return the model's tensors by name."""
        self._put(self.head.weights)
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def load(self, weights: dict[str, Tensor], *, partly: bool = False) -> None:
        """Load weights by name: all of them, unless ``partly``."""
        report = self.model.load_state_dict(weights, strict=not partly)
        assert not report.unexpected_keys, f"the model has no {report.unexpected_keys[0]}"
        self._take(self.head.weights)

    def state(self) -> Checkpoint:
        """Return the state in the form of torch's AdamW, which has moments for each of the model's parameters."""
        head = self.head
        moments = {"exp_avg": self._by_parameter(head.mean), "exp_avg_sq": self._by_parameter(head.square)}
        steps = {"step": [torch.tensor(float(head.step))] * len(moments["exp_avg"])}
        by_parameter = (dict(zip((steps | moments), row, strict=True)) for row in zip(*(steps | moments).values(), strict=True))
        return Checkpoint(
            step=head.step,
            evaluated=self.evaluated,
            loss_sum=head.loss_sum.item(),
            loss_count=head.loss_count,
            losses=head.losses.since_logged.cpu().clone(),
            model=self.weights(),
            optimiser={"state": dict(enumerate(by_parameter))},
            selection=self.selection.state(),
            recent=head.recent.cpu().clone(),
        )

    def restore(self, state: Checkpoint) -> None:
        """Continue from a checkpoint."""
        head = self.head
        head.step, self.evaluated = state["step"], state["evaluated"]
        head.loss_sum.fill_(state["loss_sum"])
        head.loss_count = state["loss_count"]
        head.losses.restore(state.get("losses"))
        stored: dict[int, dict[str, Tensor]] = state["optimiser"]["state"]  # type: ignore[assignment]
        for name, tensor in (("exp_avg", head.mean), ("exp_avg_sq", head.square)):
            with torch.no_grad():
                for place, parameter in enumerate(self.model.parameters()):
                    parameter.copy_(stored[place][name] if stored else torch.zeros(()))
            self._take(tensor)
        self.load(state["model"])
        if (recent := state.get("recent")) is not None:
            head.recent = recent.to(head.weights.device)
        self.selection.restore(state["selection"])

    def _by_parameter(self, values: Tensor) -> list[Tensor]:
        """Return ``values``, in the order of the head's weights, in the shapes of the model's parameters."""
        self._put(values)
        return [parameter.detach().clone() for parameter in self.model.parameters()]

    def _put(self, values: Tensor) -> None:
        """Copy ``values``, in the order of the head's weights, into the model."""
        with torch.no_grad():
            for stored, tensor in zip(classifiers.layer_of(self.model), self.head.layer(values), strict=True):
                stored.copy_(tensor)

    def _take(self, values: Tensor) -> None:
        """Copy the model's parameters into ``values``."""
        for stored, tensor in zip(classifiers.layer_of(self.model), self.head.layer(values), strict=True):
            tensor.copy_(stored.detach())
