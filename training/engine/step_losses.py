"""The loss of every step since the last logged metric, whose mean hides what a single step had."""

from collections.abc import Callable, Collection
from itertools import pairwise

import torch
from torch import Tensor

from training.engine.errors import Diverged
from training.events import Event, Extremes, MetricLogged, nonfinite


class StepLosses:
    """The losses of the steps since the last logged one. They stay on the device, since reading them makes a GPU wait.

    ``logged_steps`` are the steps at which they are read and cleared.
    """

    def __init__(self, logged_steps: Collection[int], device: torch.device) -> None:
        most = max(later - earlier for earlier, later in pairwise(sorted({0, *logged_steps})))
        self.values, self.count = torch.zeros(most, device=device), 0

    def add(self, loss: Tensor) -> None:
        self.values[self.count] = loss
        self.count += 1

    @property
    def since_logged(self) -> Tensor:
        """Return the losses (n,), a part of the tensor in which they are."""
        return self.values[: self.count]

    def restore(self, losses: Tensor | None) -> None:
        """Continue with the losses of a checkpoint; None for one of an earlier version, which has none."""
        self.count = 0 if losses is None else len(losses)
        if losses is not None:
            self.values[: self.count] = losses.to(self.values.device)

    def clear(self) -> None:
        self.count = 0


def check_finite(losses: Tensor, last: int, lr: Callable[[int], float], emit: Callable[[Event], None], mean: float = 0.0) -> None:
    """Raise Diverged where a loss is not finite, after an event that says which value it was at which step.

    ``losses`` (n,) are those of the steps up to ``last``, ``mean`` is theirs, and ``lr`` gives the learning rate after so many
    steps.
    """
    for step, loss in [*enumerate(losses.tolist(), last - len(losses) + 1), (last, mean)]:
        if value := nonfinite(loss):
            emit(MetricLogged(step=step, loss=None, nonfinite=value, lr=lr(step - 1)))
            raise Diverged(f"The loss is no longer a finite number at step {step}: try a smaller learning rate.")


def extremes(losses: Tensor, last: int) -> Extremes | None:
    """Return the least and the greatest of ``losses`` (n,), those of the steps up to ``last``; None for a single step."""
    if len(losses) < 2:
        return None
    first, least, greatest = last - len(losses) + 1, int(losses.argmin()), int(losses.argmax())
    return Extremes(
        least=losses[least].item(),
        least_step=first + least,
        greatest=losses[greatest].item(),
        greatest_step=first + greatest,
    )
