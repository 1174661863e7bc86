"""Decoding: the answers that a decoder writes after prompts, by a cache of keys and values, in batches of similar lengths.

The arithmetic is fp32 on every device, whatever the precision of the training, so that the answer to a prompt does not depend on
the other prompts of its batch but for the rounding of sums.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training.engine.checkpoint import Written
from training.engine.data.split import Rows
from training.engine.errors import CorruptModel
from training.engine.models import packing
from training.engine.models.classifiers import LanguageModel
from training.engine.models.inputs import Ragged
from training.engine.models.unembedding import PROBE

AFTER = -1
"""Fills the tokens of an answer after its end."""
CLOSE = 1e-3
"""Largest difference, as a share of their norm, of states computed with a cache and without."""
PLAIN_ATTENTION = "sdpa"
"""Attention of transformers that takes a cache, in place of that of packed texts."""


@dataclass(frozen=True)
class Decoded:
    """Answers as ``tokens`` (n, most) int32, with the end token and then AFTER, and their ``log_probability`` (n,) float32.

    The log-probability is the sum over the answer's tokens, the end token included. An answer without one was cut at the limit.
    """

    tokens: npt.NDArray[np.int32]
    log_probability: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def nothing(cls, most: int) -> "Decoded":
        return cls(np.zeros((0, most), np.int32), np.zeros(0, np.float32))

    @classmethod
    def restored(cls, written: Written) -> "Decoded":
        return cls(written["tokens"].numpy(), written["log_probability"].numpy())

    def stored(self) -> Written:
        """Return the answers as they are in a checkpoint."""
        return {"tokens": torch.from_numpy(self.tokens), "log_probability": torch.from_numpy(self.log_probability)}

    def followed_by(self, other: "Decoded") -> "Decoded":
        tokens, log_probability = (
            np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("tokens", "log_probability")
        )
        return Decoded(tokens, log_probability)

    def take(self, entries: Rows) -> "Decoded":
        return Decoded(self.tokens[entries], self.log_probability[entries])


@dataclass(frozen=True)
class Sampling:
    """Samples at a ``temperature`` in place of the most probable tokens: ``chance`` (n, most) has a number in [0, 1) for each."""

    temperature: float
    chance: npt.NDArray[np.float64]

    @classmethod
    def of(cls, temperature: float, seed: int, ids: npt.NDArray[np.int64], numbers: Rows, most: int) -> "Sampling":
        """Return the sampling of examples ``ids`` (n,), whose samples have these ``numbers`` (n,): each by its own generator."""
        seeds = zip(ids.astype(np.uint64).tolist(), numbers.tolist(), strict=True)
        drawn = [np.random.default_rng([seed, *own]).random(most) for own in seeds]
        return cls(temperature, np.stack(drawn))


class Decoder:
    """The decoding of answers by ``model``, of at most ``most`` tokens, which end at any of the tokens ``ends``.

    ``check_stop`` raises Stopped. It is called for each token, and between the layers of a pass over prompts. Raises CorruptModel
    for a model whose states with a cache are others than without.
    """

    def __init__(self, model: LanguageModel, ends: tuple[int, ...], most: int, check_stop: Callable[[], None]) -> None:
        self.model, self.most, self.check_stop = model, most, check_stop
        self.device = next(model.parameters()).device
        self.ends = torch.tensor(ends, device=self.device)
        self.transformer: Any = model.head.transformer
        self.options = inspect.signature(self.transformer.forward).parameters
        self.checked = False

    def decode(self, prompts: Ragged, rows: Rows, sampling: Sampling | None = None) -> Decoded:
        """Return the answers to the prompts ``rows``, which are computed together: few enough to fit into memory."""
        with torch.inference_mode(), self._ready():
            return self._decode(prompts, rows, sampling)

    def _decode(self, prompts: Ragged, rows: Rows, sampling: Sampling | None) -> Decoded:
        ids, mask = self._padded(prompts, rows)
        tokens = np.full((len(rows), self.most), AFTER, np.int32)
        total = torch.zeros(len(rows), dtype=torch.float64, device=self.device)
        alive = torch.arange(len(rows), device=self.device)
        cache, position = self._cache(), (mask.cumsum(1) - 1).clamp(min=0)
        for step in range(self.most):
            states = self._last_states(ids, mask, position, cache)
            logits = self.model.head(states).float()
            token = self._chosen(logits, sampling, alive, step)
            total[alive] += logits.log_softmax(-1).gather(1, token[:, None])[:, 0].double()
            tokens[alive.cpu().numpy(), step] = token.cpu().numpy()
            going = (~torch.isin(token, self.ends)).nonzero()[:, 0]
            if not len(going) or step + 1 == self.most:
                break
            if len(going) < len(alive):
                cache.batch_select_indices(going)
            alive, ids = alive[going], token[going][:, None]
            mask = torch.cat([mask[going], mask.new_ones(len(going), 1)], dim=1)
            position = position[going][:, -1:] + 1
        return Decoded(tokens, total.float().cpu().numpy())

    def _chosen(self, logits: Tensor, sampling: Sampling | None, alive: Tensor, step: int) -> Tensor:
        if sampling is None:
            return logits.argmax(-1)
        chance = torch.from_numpy(sampling.chance[:, step]).to(self.device)[alive]
        below = (logits.double() / sampling.temperature).softmax(-1).cumsum(-1)
        return (below <= chance[:, None] * below[:, -1:]).sum(-1).clamp(max=logits.shape[1] - 1)

    def _padded(self, prompts: Ragged, rows: Rows) -> tuple[Tensor, Tensor]:
        """Return ids and mask (n, longest) of prompts that all end in the last column."""
        lengths = prompts.lengths[rows]
        column = np.arange(lengths.max())
        mask = column >= lengths.max() - lengths[:, None]
        ids = np.zeros(mask.shape, np.int64)
        ids[mask] = np.concatenate([prompts.ids[prompts.starts[row] :][: prompts.lengths[row]] for row in rows])
        return torch.from_numpy(ids).to(self.device), torch.from_numpy(mask.astype(np.int64)).to(self.device)

    def _cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self.transformer.config)

    def _last_states(self, ids: Tensor, mask: Tensor, position: Tensor, cache: Any) -> Tensor:
        """Return the states (n, width) of the last tokens of ``ids``, which follow those in ``cache``."""
        self.check_stop()
        named = {"attention_mask": mask, "position_ids": position, "past_key_values": cache, "use_cache": True}
        named = {name: value for name, value in named.items() if name in self.options or "kwargs" in self.options}
        states: Tensor = self.model.backbone(input_ids=ids, **named).last_hidden_state[:, -1]
        return states

    @contextmanager
    def _ready(self) -> Iterator[None]:
        """Make the transformer take a cache, and check for a stop before each of its layers."""
        own, training = self.transformer.config._attn_implementation, self.model.backbone.training
        with ExitStack() as after:
            after.callback(self.model.backbone.train, training)
            self.model.backbone.eval()
            if own == packing.NAME:
                after.callback(self.transformer.set_attn_implementation, own)
                self.transformer.set_attn_implementation(PLAIN_ATTENTION)
            for layer in _layers(self.transformer):
                hook = layer.register_forward_pre_hook(lambda *_: self.check_stop())
                after.callback(hook.remove)
            if not self.checked:
                self._check()
                self.checked = True
            yield

    def _check(self) -> None:
        """Raise CorruptModel where states with a cache, and beside padding, are others than those of a whole text."""
        size = self.transformer.get_input_embeddings().num_embeddings
        text = torch.tensor([[token % size for token in PROBE]], device=self.device)
        n, half = len(PROBE), len(PROBE) // 2
        named = {"attention_mask": torch.ones_like(text)} if "attention_mask" in self.options else {}
        try:
            whole = self.model.backbone(input_ids=text, **named).last_hidden_state[0, -1]
            cache, ids = self._cache(), torch.cat([text.new_zeros(1, 2), text], dim=1)
            mask = (torch.arange(n + 2, device=self.device) >= 2).long()[None]
            position = (mask.cumsum(1) - 1).clamp(min=0)
            first = half + 2
            self._last_states(ids[:, :first], mask[:, :first], position[:, :first], cache)
            for at in range(first, n + 2):
                last = self._last_states(ids[:, at : at + 1], mask[:, : at + 1], position[:, at : at + 1], cache)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise CorruptModel(f"{self.model.head.name} cannot write answers: it does not take a cache ({error}).") from error
        if not float((last[0] - whole).norm()) <= CLOSE * float(whole.norm()):
            raise CorruptModel(
                f"{self.model.head.name} cannot write answers: with a cache its states are others than without one."
            )


def _layers(transformer: nn.Module) -> list[nn.Module]:
    """Return the layers: the modules of the transformer's longest list of modules."""
    lists = [module for module in transformer.modules() if isinstance(module, nn.ModuleList)]
    return list(max(lists, key=len, default=[]))
