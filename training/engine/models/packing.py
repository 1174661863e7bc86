"""Packing of texts end to end, so that only attention computes on padding, and sees each text by itself.

Linear layers, norms and activations treat every token alike, so they take a batch of texts as one long row of tokens. Only for
attention are the texts padded side by side, and packed again afterwards. Used on CPUs, where arithmetic is expensive and calls
are cheap.
"""

from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

NAME = "packed"
ARCHITECTURES = ("bert", "gpt2", "llama")
"""Architectures with tests. Others may have windows, biases or caps in their attention that this one lacks."""


@dataclass(frozen=True)
class Packing:
    """Positions of a padded batch's tokens: ``at`` (tokens,) of its n * longest places. ``hidden`` (n, longest) is padding."""

    at: Tensor
    hidden: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> "Packing":
        """Return the packing of a ``mask`` (n, longest), 1 at tokens and 0 at padding."""
        return cls(mask.flatten().nonzero().squeeze(1), mask == 0)

    def pad(self, packed: Tensor) -> Tensor:
        """Return ``packed`` (tokens, width) as (n, longest, width), zero at padding."""
        n, longest = self.hidden.shape
        padded: Tensor = _Pad.apply(packed, self.at, n * longest)  # type: ignore[no-untyped-call]
        return padded.view(n, longest, -1)

    def take(self, padded: Tensor) -> Tensor:
        """Return ``padded`` (n, longest, width) as (tokens, width)."""
        taken: Tensor = _Take.apply(padded.flatten(0, 1), self.at)  # type: ignore[no-untyped-call]
        return taken


class _Pad(torch.autograd.Function):
    """Padding whose gradient selects rows; torch's own would add to rows one by one, not knowing that each occurs once."""

    @staticmethod
    def forward(ctx: Any, packed: Tensor, at: Tensor, places: int) -> Tensor:
        ctx.save_for_backward(at)
        return packed.new_zeros(places, packed.shape[1]).index_copy_(0, at, packed)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.index_select(0, ctx.saved_tensors[0]), None, None


class _Take(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, padded: Tensor, at: Tensor) -> Tensor:
        ctx.save_for_backward(at)
        ctx.places = len(padded)
        return padded.index_select(0, at)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.new_zeros(ctx.places, gradient.shape[1]).index_copy_(0, ctx.saved_tensors[0], gradient), None


def attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packing: Packing | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    """Compute softmax attention of (n, heads, tokens, width); with a ``packing``, n is 1 and the tokens are of several texts."""
    width = query.shape[3]
    if packing:
        query, key, value = (_apart(states, packing) for states in (query, key, value))
    shared = query.shape[1] // key.shape[1]
    if shared > 1:
        key, value = (states.repeat_interleave(shared, 1) for states in (key, value))
    scores = query @ key.transpose(2, 3) * (rest.get("scaling") or width**-0.5)
    hidden = packing.hidden[:, None, None] if packing else torch.zeros((), dtype=torch.bool)
    if getattr(module, "is_causal", False):
        hidden = hidden | torch.ones(scores.shape[2:], dtype=torch.bool).triu(1)
    scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
    output = (scores.softmax(-1, dtype=torch.float32).to(value.dtype) @ value).transpose(1, 2)
    return (packing.take(output.flatten(2)).view(1, -1, *output.shape[2:]) if packing else output.contiguous()), None


def _apart(states: Tensor, packing: Packing) -> Tensor:
    """Return (1, heads, tokens, width) as (n, heads, longest, width)."""
    _, heads, _, width = states.shape
    apart = packing.pad(states[0].transpose(0, 1).flatten(1))
    return apart.view(*apart.shape[:2], heads, width).transpose(1, 2)


def pack(transformer: Any) -> None:
    """Make ``transformer`` read packed texts, if its architecture supports it and it runs on a CPU."""
    from transformers import AttentionInterface

    if transformer.config.model_type in ARCHITECTURES and Accelerator().device.type == "cpu":
        AttentionInterface.register(NAME, attention)
        transformer.set_attn_implementation(NAME)


def states(transformer: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Return the last hidden states (n, longest, width) of padded texts, zero at padding where ``transformer`` is packed."""
    hidden: Tensor
    if transformer.config._attn_implementation != NAME:  # type: ignore[union-attr]
        hidden = transformer(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        return hidden
    packing, positions = Packing.of(mask), torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    packed = (tensor.flatten()[packing.at][None] for tensor in (ids, positions))
    hidden = transformer(**dict(zip(("input_ids", "position_ids"), packed, strict=True)), packing=packing).last_hidden_state
    return packing.pad(hidden[0])
