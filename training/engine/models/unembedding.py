"""A decoder's logits from its last states, by its own forward, with every scale, cap and bias that it applies.

Only the transformer is replaced: for one call its forward returns the given states. The rest of the model is never
reimplemented here, and it is compared with the whole model on a few tokens whenever a model is loaded.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.engine.errors import CorruptModel
from training.engine.logits import difference_of_two

PROBE = (9, 2, 30, 7, 44, 3, 11, 5)
"""Tokens on which a head is compared with its whole model."""
CLOSE = 1e-4
"""Largest difference, as a share of the largest logit, of logits computed in another order."""
STRETCH = 10.0
"""Factor by which states are scaled to test whether logits grow with them, or are capped."""


class LanguageHead:
    """A function from states (m, width) to logits (m, vocabulary), by the forward of ``whole``, a language model of transformers.

    Raises CorruptModel where that differs from the whole model.
    """

    def __init__(self, whole: Any, name: str) -> None:
        self.whole, self.name = whole, name
        self.transformer = whole.base_model
        output = whole.get_output_embeddings()
        if self.transformer is whole or not isinstance(output, nn.Linear):
            raise CorruptModel(f"The weights of {name} have no unembedding, so that it cannot model language.")
        self.linear: nn.Linear = output
        self.states, self.expected = self._probe()
        self.verify(self.expected)

    def __call__(self, states: Tensor) -> Tensor:
        with _replaced_forward(self.transformer, states[None]):
            ids = torch.zeros(1, len(states), dtype=torch.long, device=states.device)
            logits: Tensor = self.whole(input_ids=ids).logits[0].float()
        return logits

    def verify(self, expected: Tensor) -> None:
        with torch.no_grad():
            logits = self(self.states)
        if logits.shape != expected.shape or not _close(logits, expected):
            raise CorruptModel(
                f"The logits of {self.name} are not a function of its last states: it can be tuned and probed, "
                "but neither asked by prompts, nor learn texts, nor start a head from its unembedding."
            )

    def narrow(self, words: Sequence[int]) -> None:
        """Restrict the logits to those of ``words``."""
        rows = nn.Linear(self.linear.in_features, len(words), self.linear.bias is not None)
        with torch.no_grad():
            rows.weight.copy_(self.linear.weight[list(words)])
            if self.linear.bias is not None:
                rows.bias.copy_(self.linear.bias[list(words)])
        self.whole.set_output_embeddings(rows)
        self.linear = rows
        self.verify(self.expected[:, list(words)])

    def _probe(self) -> tuple[Tensor, Tensor]:
        """Return the last states (m, width) of the probe's tokens, and the whole model's logits of them (m, vocabulary)."""
        size = self.transformer.get_input_embeddings().num_embeddings
        ids = torch.tensor([[token % size for token in PROBE]])
        with torch.no_grad():
            states = self.transformer(input_ids=ids, attention_mask=torch.ones_like(ids))[0][0]
            logits = self.whole(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        return states.float(), logits.float()


@dataclass(frozen=True, eq=False)
class WordLogits:
    """The model's own logits of a few words: ``states @ words.T`` gives them (n, K), or for two words the log-odds (n, 1).

    ``weight`` (K, width) or (1, width) and ``bias`` are the same as a linear layer. Where ``capped`` is the model's own function
    there is no such layer, and they are only its part before the cap.
    """

    weight: Tensor
    bias: Tensor
    capped: LanguageHead | None

    @classmethod
    def of(cls, head: LanguageHead, words: Sequence[int]) -> "WordLogits":
        head.narrow(words)
        plain = head.linear
        with torch.no_grad():
            bias = head(torch.zeros(1, plain.in_features))[0]
            weight = (head(torch.eye(plain.in_features)) - bias).T
            if _close(weight, plain.weight):
                weight = plain.weight  # exact, instead of rounded
            stretched = torch.cat([head.states, STRETCH * head.states])
            linear = _close(head(stretched), stretched @ weight.T + bias)
        return cls(difference_of_two(weight.detach(), 0), difference_of_two(bias, 0), None if linear else head)

    @property
    def shape(self) -> torch.Size:
        return self.weight.shape

    @property
    def T(self) -> "WordLogits":  # noqa: N802 - the name of a matrix's transpose, which it is where logits are linear
        return self

    def __rmatmul__(self, states: Tensor) -> Tensor:
        if self.capped is None:
            return states @ self.weight.T + self.bias if self.bias.any() else states @ self.weight.T
        with torch.no_grad():
            logits = self.capped(states)
        return difference_of_two(logits, 1)

    def layer(self) -> tuple[Tensor, Tensor]:
        """Return ``weight`` and ``bias`` of a linear layer with these logits. Raises CorruptModel where there is none."""
        if self.capped is not None:
            raise CorruptModel(
                f"The logits of {self.capped.name} are capped, or otherwise not linear in its states, and a head is linear: "
                "start its head at zero."
            )
        return self.weight, self.bias


class _ReplacedOutput:
    """Output of a replaced transformer, of which only the last states are read."""

    def __init__(self, states: Tensor) -> None:
        self.last_hidden_state = states

    def __getitem__(self, place: Any) -> Any:
        return (self.last_hidden_state,)[place]

    def __getattr__(self, name: str) -> None:
        return None


@contextmanager
def _replaced_forward(transformer: nn.Module, states: Tensor) -> Iterator[None]:
    """Make the forward of ``transformer``, or of the decoder that it wraps, return ``states`` within the block."""
    decoder = getattr(transformer, "decoder", None)
    modules = [module for module in (transformer, decoder) if isinstance(module, nn.Module)]
    before = [module.__dict__.get("forward") for module in modules]
    for module in modules:
        module.__dict__["forward"] = lambda *_, **__: _ReplacedOutput(states)
    try:
        yield
    finally:
        for module, forward in zip(modules, before, strict=True):
            del module.__dict__["forward"]
            if forward is not None:
                module.__dict__["forward"] = forward


def _close(actual: Tensor, expected: Tensor) -> bool:
    return bool((actual - expected).abs().max() <= CLOSE * expected.abs().max().clamp(min=1e-3))
