"""Packing of texts end to end, so that no padding is computed, and of the last layer only the tokens that are read.

Linear layers, norms and activations treat every token alike, so they take a batch of texts as one long row of tokens. Only for
attention texts of similar lengths are padded side by side, and packed again afterwards. Used on CPUs, where arithmetic is
expensive and calls are cheap.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from training.engine.models import last_layers
from training.engine.models.inputs import cuts

NAME = "packed"
ARCHITECTURES = tuple(last_layers.OF)
"""Architectures with tests. Others may have windows, biases or caps in their attention that this one lacks."""
BUCKET_OVERHEAD = 64
"""Cost of one more bucket, in tokens of padding."""
ROUNDING, BUCKET_ROUNDING = 32, 16
"""A row and a text of a bucket have a multiple of so many tokens: products of new shapes need new code, made in use (oneDNN)."""

Read = Literal["cls", "last"]


@dataclass(frozen=True, eq=False)
class Bucket:
    """Texts of similar lengths (n,), which are neighbours in the packed row from the token ``start`` on."""

    start: int
    lengths: Tensor
    _places: dict[int, Tensor] = field(default_factory=dict)
    _hidden: dict[tuple[int, bool, torch.dtype], Tensor] = field(default_factory=dict)

    @cached_property
    def longest(self) -> int:
        return rounded(int(self.lengths[-1]), BUCKET_ROUNDING)

    @cached_property
    def tokens(self) -> int:
        return int(self.lengths.sum())

    @property
    def padded(self) -> bool:
        return self.tokens < len(self.lengths) * self.longest

    def places(self, heads: int) -> Tensor:
        """Return the places (tokens * heads,) of the heads of all tokens among n * heads * longest."""
        if heads not in self._places:
            text, position = (torch.arange(self.longest) < self.lengths[:, None]).nonzero(as_tuple=True)
            head = torch.arange(heads)
            self._places[heads] = (((text * heads)[:, None] + head) * self.longest + position[:, None]).flatten()
        return self._places[heads]

    def apart(self, states: Tensor) -> Tensor:
        """Return ``states`` (tokens, heads, width) of the whole row as (n * heads, longest, width), zero at padding."""
        _, heads, width = states.shape
        own = states[self.start : self.start + self.tokens].reshape(-1, width)
        if not self.padded:
            return own.view(-1, self.longest, heads, width).transpose(1, 2).reshape(-1, self.longest, width)
        padded: Tensor = _Pad.apply(own, self.places(heads), len(self.lengths) * heads * self.longest)  # type: ignore[no-untyped-call]
        return padded.view(-1, self.longest, width)

    def together(self, states: Tensor) -> Tensor:
        """Return ``states`` (n * heads, longest, width) as (tokens, heads, width)."""
        heads, width = len(states) // len(self.lengths), states.shape[2]
        if not self.padded:
            return states.view(-1, heads, self.longest, width).transpose(1, 2).reshape(-1, heads, width)
        taken: Tensor = _Take.apply(states.flatten(0, 1), self.places(heads))  # type: ignore[no-untyped-call]
        return taken.view(-1, heads, width)

    def hidden(self, heads: int, causal: bool, dtype: torch.dtype) -> Tensor | None:
        """Return what is added to scores (n * heads, queries, longest) so that no token attends to padding or, if causal, ahead.

        To the right of a text is only padding, which a causal token does not see.
        """
        if not causal and not self.padded:
            return None
        key = heads, causal, dtype
        if key not in self._hidden:
            if causal:
                added = torch.full((1, self.longest, self.longest), -torch.inf).triu(1)
            else:
                padding = torch.arange(self.longest) >= self.lengths[:, None]
                added = torch.zeros(padding.shape).masked_fill(padding, -torch.inf).repeat_interleave(heads, 0)[:, None]
            self._hidden[key] = added.to(dtype)
        return self._hidden[key]


@dataclass(frozen=True, eq=False)
class Packing:
    """A packed row: ``at`` (tokens,) are its tokens' places among the n * longest of the padded batch, ``order`` (n,) its texts.

    With ``reading`` only the first or the last token of each text leaves the last layer.
    """

    at: Tensor
    order: Tensor
    lengths: Tensor
    buckets: list[Bucket]
    longest: int
    reading: Read | None

    @classmethod
    def of(cls, mask: Tensor, reading: Read | None = None) -> "Packing":
        """Return the packing of a ``mask`` (n, longest), 1 at tokens and 0 to the right of them."""
        every = mask.sum(1).long()
        lengths, order = every.sort(stable=True)
        starts = (lengths.cumsum(0) - lengths).tolist()
        edges = [0, *cuts(np.maximum(lengths.numpy(), 1), BUCKET_OVERHEAD).tolist(), len(lengths)]
        buckets = [Bucket(starts[first], lengths[first:last]) for first, last in pairwise(edges)]
        longest = mask.shape[1]
        at = (torch.arange(longest) < lengths[:, None]).flatten().nonzero().squeeze(1)
        return cls(order[at // longest] * longest + at % longest, order, lengths, buckets, longest, reading)

    @cached_property
    def read(self) -> Tensor:
        """The places (n,) in the row of the tokens that are read, in its own order of texts."""
        ends = self.lengths.cumsum(0)
        return ends - self.lengths if self.reading == "cls" else ends - 1

    @cached_property
    def tokens(self) -> int:
        """The tokens of the row with those that fill it up to a round number, which no other token attends to."""
        return rounded(len(self.at), ROUNDING)

    def row(self, padded: Tensor) -> Tensor:
        """Return ``padded`` (n, longest) as a packed row (1, tokens), zero where it is filled up."""
        row = padded.new_zeros(1, self.tokens)
        row[0, : len(self.at)] = padded.flatten()[self.at]
        return row

    def pad(self, packed: Tensor) -> Tensor:
        """Return ``packed`` (tokens, width) as (n, longest, width), zero at padding."""
        padded: Tensor = _Pad.apply(packed[: len(self.at)], self.at, len(self.order) * self.longest)  # type: ignore[no-untyped-call]
        return padded.view(len(self.order), self.longest, -1)

    def spread(self, rows: Tensor) -> Tensor:
        """Return the ``rows`` (n, width) of tokens that are read in a packed row (tokens, width), zero elsewhere."""
        spread: Tensor = _Pad.apply(rows, self.read, self.tokens)  # type: ignore[no-untyped-call]
        return spread


def rounded(number: int, multiple: int) -> int:
    """Return ``number`` rounded up to a multiple."""
    return -(-number // multiple) * multiple


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
    """Compute softmax attention of packed states (1, heads, tokens, width); return (1, tokens, heads, width).

    In the last layer ``query`` may be of the tokens only that ``packing`` reads. Without a packing the states (n, heads, longest,
    width) are of texts without padding, and the result is (n, longest, heads, width).
    """
    if packing is None:
        n, _, longest, _ = query.shape
        query, key, value = (states.transpose(1, 2).flatten(0, 1)[None].transpose(1, 2) for states in (query, key, value))
        mixed, _ = attention(module, query, key, value, None, Packing.of(torch.ones(n, longest)), **rest)
        return mixed[0, : n * longest].view(n, longest, *mixed.shape[2:]), None
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))
    heads, scale = query.shape[1], rest.get("scaling") or query.shape[2] ** -0.5
    whole = len(query) == len(key)
    causal = whole and bool(getattr(module, "is_causal", False))
    text, outputs = 0, []
    for bucket in packing.buckets:
        texts = len(bucket.lengths)
        own = bucket.apart(query) if whole else query[text : text + texts].reshape(texts * heads, 1, -1)
        text += texts
        keys, values = (_shared(bucket.apart(states), texts, heads) for states in (key, value))
        mixed = _mix(own, keys, values, scale, bucket.hidden(heads, causal, own.dtype))
        outputs.append(bucket.together(mixed) if whole else mixed.view(texts, heads, -1))
    if whole:
        outputs.append(query.new_zeros(packing.tokens - len(packing.at), heads, outputs[0].shape[2]))
    return torch.cat(outputs)[None], None


def _mix(query: Tensor, key: Tensor, value: Tensor, scale: float, hidden: Tensor | None) -> Tensor:
    if hidden is None:
        scores = torch.bmm(query, key.transpose(1, 2)) * scale
    else:
        scores = torch.baddbmm(hidden, query, key.transpose(1, 2), alpha=scale)
    # Softmax computes in fp32 in any case; autocast would copy its input and output.
    with torch.autocast(scores.device.type, enabled=False):
        weights = scores.softmax(-1)
    return torch.bmm(weights, value)


def _shared(states: Tensor, texts: int, heads: int) -> Tensor:
    """Return the states (n * heads, longest, width) of heads that several query heads share."""
    shared = texts * heads // len(states)
    return states if shared == 1 else states.repeat_interleave(shared, 0)


def pack(transformer: Any) -> None:
    """Make ``transformer`` read packed texts, if its architecture supports it and it runs on a CPU."""
    from transformers import AttentionInterface

    if packs(transformer.config.model_type):
        AttentionInterface.register(NAME, attention)
        transformer.set_attn_implementation(NAME)
        last_layers.compute_what_is_read(transformer, attention)


def packs(architecture: str) -> bool:
    """Return whether transformers of this architecture read packed texts on this machine."""
    return architecture in ARCHITECTURES and Accelerator().device.type == "cpu"


def states(transformer: nn.Module, ids: Tensor, mask: Tensor, reading: Read | None = None) -> Tensor:
    """Return the last hidden states (n, longest, width) of padded texts, zero at padding where ``transformer`` is packed.

    With ``reading`` the states of other tokens than the first or last of a text are undefined.
    """
    return states_after((), transformer, ids, mask, reading)[-1]


def states_after(
    layers: Sequence[nn.Module], transformer: nn.Module, ids: Tensor, mask: Tensor, reading: Read | None = None
) -> list[Tensor]:
    """Return the states after each of the ``layers`` of ``transformer``, in their order there, then the last; see ``states``."""
    with _outputs(layers) as outputs:
        if transformer.config._attn_implementation != NAME:  # type: ignore[union-attr]
            last = transformer(input_ids=ids, attention_mask=mask.long()).last_hidden_state
            return [*outputs, last]
        packing, positions = Packing.of(mask, reading), torch.arange(ids.shape[1]).expand_as(ids)
        row = {"input_ids": packing.row(ids), "position_ids": packing.row(positions)}
        last = transformer(**row, packing=packing).last_hidden_state
    return [packing.pad(hidden[0]) for hidden in (*outputs, last)]


@contextmanager
def _outputs(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """Collect the outputs of the layers of one pass, in its order."""
    outputs = list[Tensor]()

    def collect(_: nn.Module, __: object, output: Tensor | tuple[Tensor, ...]) -> None:
        outputs.append(output[0] if isinstance(output, tuple) else output)

    hooks = [layer.register_forward_hook(collect) for layer in layers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
