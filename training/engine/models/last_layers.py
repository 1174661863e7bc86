"""The last layer of a packed transformer, of which only the tokens are computed that represent their texts.

The states of all other tokens leave it unread: they are needed as keys and values only. The result is the same.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

Attention = Callable[..., tuple[Tensor, None]]


def compute_what_is_read(transformer: Any, attention: Attention) -> None:
    """Replace the forward pass of the last layer by one that computes the tokens read by ``packing``, all where it names none."""
    name, compute = OF[transformer.config.model_type]
    layer = transformer.get_submodule(name)[-1]
    layer.forward = partial(_forward, layer, compute, layer.forward, attention)


def _forward(layer: Any, compute: Any, whole: Any, attention: Attention, hidden: Tensor, *rest: Any, **options: Any) -> Tensor:
    packing = options.get("packing")
    if packing is None or packing.reading is None:
        every: Tensor = whole(hidden, *rest, **options)
        return every
    attend = partial(attention, attention_mask=None, packing=packing)
    row: Tensor = packing.spread(compute(layer, hidden, packing.read, attend, options)[0])
    return row[None]


def _heads(states: Tensor, width: int) -> Tensor:
    """Return ``states`` (1, tokens, heads * width) as (1, heads, tokens, width)."""
    return states.view(1, states.shape[1], -1, width).transpose(1, 2)


def _gpt2(layer: Any, hidden: Tensor, read: Tensor, attend: Attention, options: Any) -> Tensor:
    own = layer.attn
    query, key, value = own.c_attn(layer.ln_1(hidden)).split(own.split_size, dim=2)
    query, key, value = (_heads(states, own.head_dim) for states in (query[:, read], key, value))
    mixed = own.c_proj(attend(own, query, key, value, scaling=own.scaling)[0].flatten(2))
    hidden = hidden[:, read] + mixed
    result: Tensor = hidden + layer.mlp(layer.ln_2(hidden))
    return result


def _llama(layer: Any, hidden: Tensor, read: Tensor, attend: Attention, options: Any) -> Tensor:
    own, (cos, sin) = layer.self_attn, options["position_embeddings"]
    normed = layer.input_layernorm(hidden)
    query, key, value = (
        _heads(project(states), own.head_dim)
        for project, states in ((own.q_proj, normed[:, read]), (own.k_proj, normed), (own.v_proj, normed))
    )
    query, key = _rotated(query, cos[:, read], sin[:, read]), _rotated(key, cos, sin)
    mixed = own.o_proj(attend(own, query, key, value, scaling=own.scaling)[0].flatten(2))
    hidden = hidden[:, read] + mixed
    result: Tensor = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
    return result


def _rotated(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return ``states`` (1, heads, tokens, width) with rotary position embeddings (Su et al. 2021)."""
    first, second = states.chunk(2, dim=-1)
    return states * cos[:, None] + torch.cat([-second, first], dim=-1) * sin[:, None]


def _bert(layer: Any, hidden: Tensor, read: Tensor, attend: Attention, options: Any) -> Tensor:
    own = layer.attention.self
    query, key, value = (
        _heads(project(states), own.attention_head_size)
        for project, states in ((own.query, hidden[:, read]), (own.key, hidden), (own.value, hidden))
    )
    mixed = attend(own, query, key, value, scaling=own.scaling)[0].flatten(2)
    result: Tensor = layer.feed_forward_chunk(layer.attention.output(mixed, hidden[:, read]))
    return result


OF = {"bert": ("encoder.layer", _bert), "gpt2": ("h", _gpt2), "llama": ("layers", _llama)}
"""For each architecture the name of its layers, and its last layer computed at the tokens that are read."""
