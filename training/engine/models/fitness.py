"""The check that a pretrained transformer fits the engine's assumptions, made when it is loaded.

It runs on tokens alone, its weights are numbers, its vectors have the width of its config, and a text has the same vector alone
and beside others. Architectures known to be unfit are refused at planning (``catalog.architectures``).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from training.engine.errors import CorruptModel

LENGTHS = (5, 23)
"""Tokens of the two texts that are computed alone and together."""
FIRST = 5
"""Smallest id that is used: smaller ones are often special tokens."""
CLOSE = 1e-3
"""Largest difference, as a share of its norm, of a text's vector computed in a larger batch."""

_fit: set[tuple[str, ...]] = set()


def check(model: Any, name: str, digest: tuple[str, ...], width: int, vector: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Raise CorruptModel for an unfit model. ``vector`` maps ids and mask (n, tokens) to one vector for each text.

    The check is made once in a process for each ``digest``.
    """
    if digest in _fit:
        return
    _numbers(model, name)
    try:
        together, alone = _vectors(model, vector)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CorruptModel(f"{name} ({model.config.model_type}) does not read a plain text: {reason}") from error
    if together.shape[1] != width:
        raise CorruptModel(f"The states of {name} are {together.shape[1]} numbers wide, and its config.json says {width}.")
    if not torch.isfinite(alone).all():
        raise CorruptModel(f"{name} gives numbers that are not finite for an ordinary text: its weights are damaged.")
    gap = float(((alone - together).norm(dim=1) / alone.norm(dim=1).clamp(min=1e-12)).max())
    if not gap <= CLOSE:
        raise CorruptModel(
            f"{name} ({model.config.model_type}) reads what is beside a text in its batch: "
            f"alone the text has another vector, {gap:.1%} off. Results would hang on how texts are batched: choose another."
        )
    _fit.add(digest)


def _vectors(model: Any, vector: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Return the vectors (2, width) of two texts of random tokens, computed together and alone."""
    size = int(model.get_input_embeddings().weight.shape[0])
    draw = torch.Generator().manual_seed(0)
    texts = [torch.randint(min(FIRST, size - 1), size, (length,), generator=draw) for length in LENGTHS]
    ids, mask = torch.zeros(2, max(LENGTHS), dtype=torch.long), torch.zeros(2, max(LENGTHS))
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        together = vector(ids, mask)
        return together, torch.cat([vector(text[None], torch.ones(1, len(text))) for text in texts])


def _numbers(model: nn.Module, name: str) -> None:
    for tensor_name, tensor in model.named_parameters():
        # A sum needs no memory; it may also overflow.
        if not torch.isfinite(tensor.sum()) and not torch.isfinite(tensor).all():
            what = "NaN" if tensor.isnan().any() else "infinite numbers"
            raise CorruptModel(f"The weights of {name} contain {what}, in {tensor_name}: the file is damaged, get it anew.")
