"""Word embeddings that train only the rows of tokens in the training texts, with the result of training all.

AdamW's moments move every row that ever had a gradient, at each step. Rows of tokens that no training text contains never have
a gradient, so they need no moments. AdamW would only apply weight decay to them, which is done here.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from training.engine.distributed import sharding


class SparseEmbedding(nn.Module):
    """A replacement of ``embedding``, saved and loaded like it. ``used`` are the ids that training reads."""

    place: Tensor
    others: Tensor

    def __init__(self, embedding: nn.Embedding, used: Tensor) -> None:
        super().__init__()
        unused = torch.ones(embedding.num_embeddings, dtype=torch.bool).index_fill_(0, used, False)
        order = torch.cat([unused.logical_not().nonzero().squeeze(1), unused.nonzero().squeeze(1)])
        weight = embedding.weight.detach()[order]
        trained = embedding.num_embeddings - int(unused.sum())
        self.trained = nn.Parameter(weight[:trained].clone())
        self.register_buffer("others", weight[trained:].clone(), persistent=False)
        self.register_buffer("place", order.argsort(), persistent=False)
        padding = embedding.padding_idx
        self.padding = None if padding is None or unused[padding] else int(self.place[padding])

    def forward(self, ids: Tensor) -> Tensor:
        """Return embeddings (n, tokens, width) of ``ids`` (n, tokens) int64. With a gradient, only ids in ``used``."""
        place = self.place[ids]
        if torch.is_grad_enabled():
            return F.embedding(place, self.trained, self.padding)
        embedded = F.embedding(place.clamp(max=len(self.trained) - 1), self.trained)
        unread = place >= len(self.trained)
        embedded[unread] = self.others[place[unread] - len(self.trained)]
        return embedded

    @property
    def weight(self) -> Tensor:
        """Return ``dense``, for transformers that look at the device or the type of their embedding."""
        return self.dense()

    def decay(self, share: float) -> None:
        """Shrink the untrained rows by ``share``, as AdamW does before each step."""
        if share:
            self.others.sub_(self.others, alpha=share)

    def dense(self) -> Tensor:
        """Return the weight (vocabulary, width) of the embedding."""
        trained = sharding.whole(self.trained.detach()).to(self.others.device)
        return torch.cat([trained, self.others])[self.place]

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        destination[f"{prefix}weight"] = self.dense()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, metadata: Any, strict: Any, missing: Any, *rest: Any) -> None:
        weight = state_dict.get(f"{prefix}weight")
        if weight is None:
            missing.append(f"{prefix}weight")
            return
        in_order = weight.to(self.others.device)[self.place.argsort()]
        with torch.no_grad():
            self.trained.copy_(sharding.like(in_order[: len(self.trained)], self.trained))
            self.others.copy_(in_order[len(self.trained) :])


def train_used_rows(transformer: Any, used: Tensor) -> None:
    """Train only the embeddings of ``used``; a model with embeddings of a special kind is not changed."""
    embedding = transformer.get_input_embeddings()
    if type(embedding) is nn.Embedding and embedding.max_norm is None:
        transformer.set_input_embeddings(SparseEmbedding(embedding, used))


def decay_unused_rows(model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Make the rows that ``optimiser`` (AdamW) does not train decay at each of its steps like the trained ones."""
    group = optimiser.param_groups[0]
    for module in model.modules():
        if isinstance(module, SparseEmbedding):
            optimiser.register_step_post_hook(lambda *_, rows=module: rows.decay(group["lr"] * group["weight_decay"]))
