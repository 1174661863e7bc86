"""Models from a batch to logits: for each example the log-odds of class 1, or with K > 2 classes one logit for each.

A head starts at zero, so that the student's first guess is the same for all classes, or at the model's own words for them.
There is no dropout, in training either. The only randomness of a run is the split, the order of the data and the start of LoRA,
all drawn by the seed: runs repeat bit for bit, and resume as if they had never stopped.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from training.catalog.models import BAG_OF_WORDS_BUCKETS, Reading
from training.engine.errors import EngineError
from training.engine.logits import outputs_of
from training.engine.models import backbone, packing, sparse_embeddings
from training.engine.models.precision import Resolved, autocast, precision_of
from training.engine.models.sizes import size_of
from training.engine.models.unembedding import LanguageHead, WordLogits
from training.spec import RunSpec

BACKBONE, HEAD, SCORER, UNEMBEDDING = "backbone.", "head.", "scorer.", "unembedding."
"""Prefixes of tensor names: of a transformer; of a head; of a reward model, whose scorer is one for both texts; of the
unembedding of a run that learns texts.
"""


def build(run: RunSpec, used: Tensor | None = None, pairs: bool = False, classes: int = 2) -> nn.Module:
    """Return the untrained model of ``run``; for ``pairs`` one that compares. Raises CorruptModel for an unloadable backbone.

    ``used`` are the token ids that training will read, if known: full tuning then trains only their embeddings.
    """
    if run.models_language:
        return _language_model(run)
    scorer = _scorer(run, used, classes)
    return Comparison(scorer) if pairs else scorer


def _scorer(run: RunSpec, used: Tensor | None, classes: int) -> nn.Module:
    outputs = outputs_of(classes)
    if run.adaptation == "scratch":
        return Head(size_of(run).width, outputs) if run.digest else BagOfWords(BAG_OF_WORDS_BUCKETS, outputs)
    shape = backbone.shape(run)
    head = Head(shape.width, outputs, backbone.directions(run, classes) if run.head_start == "unembedding" else None)
    if run.adaptation == "probe":
        return head
    transformer = _tuned(backbone.load(run), run)
    if run.adaptation == "full" and used is not None:
        sparse_embeddings.train_used_rows(transformer, torch.unique(torch.cat([used, own_padding(transformer)])))
    return FineTuned(transformer, head, shape.reading, precision_of(run))


def own_padding(transformer: Any) -> Tensor:
    """Return the token, if any, with which the model itself pads a batch, as models with windowed attention do."""
    config = transformer.config
    pads = getattr(config, "attention_window", None) is not None and config.pad_token_id is not None
    return torch.tensor([config.pad_token_id] if pads else [], dtype=torch.long)


def starting_weights(before: RunSpec, weights: dict[str, Tensor], pairs: bool) -> dict[str, Tensor]:
    """Return the ``weights`` of ``before`` by the names of a model that starts from it; a language model has no head."""
    return {f"{SCORER}{name}": tensor for name, tensor in weights.items()} if before.reads and pairs else weights


def tuned_transformer(run: RunSpec, weights: dict[str, Tensor]) -> nn.Module:
    """Return the transformer of a finished run that tuned it, with its ``weights``, in evaluation mode."""
    transformer = _tuned(backbone.load(run), run)
    bare = {name.removeprefix(SCORER): tensor for name, tensor in weights.items()}
    own = {name.removeprefix(BACKBONE): tensor for name, tensor in bare.items() if name.startswith(BACKBONE)}
    report = transformer.load_state_dict(own, strict=run.adaptation == "full")
    assert own, "the run has left no weights of a transformer"
    assert not report.unexpected_keys, f"the transformer has no {report.unexpected_keys[0]}"
    return transformer.eval()


def _language_model(run: RunSpec) -> nn.Module:
    transformer, head = backbone.load_decoder(run)
    head.linear.requires_grad_(run.adaptation == "full")
    return (AnswerModel if run.writes else LanguageModel)(_tuned(transformer, run), head, precision_of(run))


def _tuned(transformer: Any, run: RunSpec) -> nn.Module:
    """Return the transformer with the additions of its tuning."""
    if run.gradient_checkpointing:
        _checkpoint_gradients(transformer)
    if run.adaptation == "lora":
        transformer = _with_lora(transformer, run)
    # Transformers silently skips gradient checkpointing unless the model is in training mode.
    tuned: nn.Module = transformer.train(run.gradient_checkpointing)
    return tuned


def _checkpoint_gradients(transformer: Any) -> None:
    """Enable gradient checkpointing: states inside a layer are recomputed. Dropout stays off in training mode too."""
    for module in transformer.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    try:
        transformer.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    except ValueError:
        raise EngineError(f"{type(transformer).__name__} has no gradient checkpointing: run it without.") from None


def _with_lora(transformer: nn.Module, run: RunSpec) -> nn.Module:
    """Return the transformer, frozen, with low-rank additions to every linear layer (Hu et al. 2021), which start at zero.

    One factor of each starts at random, drawn from the run's seed.
    """
    # Takes a second to import, which other runs need not pay.
    from peft import LoraConfig, get_peft_model

    assert run.lora_rank is not None
    assert run.lora_alpha is not None
    config = LoraConfig(r=run.lora_rank, lora_alpha=run.lora_alpha, target_modules="all-linear", lora_dropout=0.0, bias="none")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        try:
            adapted: nn.Module = get_peft_model(transformer, config)
        except ValueError as error:
            kind = type(transformer).__name__
            raise EngineError(f"LoRA cannot be added to this architecture ({kind}): choose full tuning or a probe.") from error
    return adapted


class BagOfWords(nn.Module):
    """Logistic regression on word counts, with one output for two classes, otherwise one for each."""

    def __init__(self, buckets: int, outputs: int = 1) -> None:
        super().__init__()
        self.weight = nn.EmbeddingBag(buckets, outputs, mode="sum")
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.zeros_(self.weight.weight)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return logits (n,) or (n, K) of ``ids`` (n, words) int64 and ``mask`` (n, words), 0 for padding."""
        logits: Tensor = self.weight(ids, per_sample_weights=mask).squeeze(-1) + self.bias
        return logits


class Head(nn.Module):
    """Logistic regression on features: the whole of a probe, the last layer of a fine-tuned model.

    With two classes the logit is the difference of the two logits of a two-way head, of which only the difference matters: a
    two-way head that starts at two rows of the unembedding is one that starts at their difference. ``start`` has ``outputs``.
    """

    def __init__(self, width: int, outputs: int = 1, start: WordLogits | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(width, outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        if start is not None:
            with torch.no_grad():
                weight, bias = start.layer()
                self.linear.weight.copy_(weight)
                self.linear.bias.copy_(bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (n,) or (n, K) of ``features`` (n, width)."""
        logits: Tensor = self.linear(features).squeeze(-1)
        return logits


class FineTuned(nn.Module):
    """A transformer and a head, both trained."""

    def __init__(self, transformer: nn.Module, head: Head, reading: Reading, precision: Resolved) -> None:
        super().__init__()
        self.backbone, self.reading, self.precision = transformer, reading, precision
        self.head = head

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return logits (n,) or (n, K) of ``ids`` (n, tokens) int64 and ``mask`` (n, tokens), 0 for padding."""
        logits: Tensor = self.head(backbone.pooled(self.backbone, ids, mask, self.reading, self.precision))
        return logits


TOKENS = 256
"""Tokens whose logits over the vocabulary, the largest tensor of a step, are computed at once."""


class LanguageModel(nn.Module):
    """A decoder that learns texts, with its own ``head``, which turns its last states into logits."""

    def __init__(self, transformer: nn.Module, head: LanguageHead, precision: Resolved) -> None:
        super().__init__()
        self.backbone, self.head, self.precision = transformer, head, precision
        tied = head.linear.weight is head.transformer.get_input_embeddings().weight
        # A head is not a module: its weights beside the embeddings are trained and saved as part of this one.
        self.unembedding = None if tied and head.linear.bias is None else head.linear

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the cost (n,), mean nats per token, of ``ids`` (n, tokens) and ``mask`` of a text, or of each of two."""
        costs = [self._cost(ids, mask) for ids, mask in zip(inputs[::2], inputs[1::2], strict=True)]
        return torch.stack(costs).mean(dim=0)

    def _cost(self, ids: Tensor, mask: Tensor, learned: Tensor | None = None) -> Tensor:
        """Return the mean of -log p(token | those before) over a text's tokens but the first; 0 for a text of one token.

        With ``learned`` (n, tokens) it is the mean over the tokens where that is 1, 0 for a text without any.
        """
        with autocast(self.precision, ids.device):
            states = packing.states(self.backbone, ids, mask).float()
        predicted = (mask if learned is None else learned)[:, 1:] > 0
        before, tokens = states[:, :-1][predicted], ids[:, 1:][predicted]
        pieces = zip(torch.split(before, TOKENS), torch.split(tokens, TOKENS), strict=True)
        # Logits are recomputed for the gradient; those of all tokens are never in memory.
        nats = [checkpoint(self._nats, *piece, use_reentrant=False) for piece in pieces]
        cost = states.new_zeros(predicted.shape).masked_scatter(predicted, torch.cat([states.new_zeros(0), *nats]))
        return cost.sum(dim=1) / predicted.sum(dim=1).clamp(min=1)

    def _nats(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Return -log p (m,) of ``tokens`` (m,) from the ``states`` (m, width) of the tokens before them."""
        return F.cross_entropy(self.head(states), tokens, reduction="none")


class AnswerModel(LanguageModel):
    """A decoder that learns to write answers: the cost of a text is that of the tokens of its answer alone."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the cost (n,), mean nats per token, of ``ids`` (n, tokens) and ``mask`` where ``learned`` is 1."""
        return self._cost(*inputs)


class Comparison(nn.Module):
    """A reward model: the log-odds that the first of two texts is preferred is the difference of their scores.

    Burns et al. 2023, appendix A.3, after Bradley and Terry 1952. The bias of the scorer cancels out.
    """

    def __init__(self, scorer: nn.Module) -> None:
        super().__init__()
        self.scorer = scorer

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return logits (n,) from the scorer's arguments for n first texts, then those for n second texts."""
        half = len(inputs) // 2
        difference: Tensor = self.scorer(*inputs[:half]) - self.scorer(*inputs[half:])
        return difference


def layer_of(model: nn.Module) -> tuple[Tensor, Tensor]:
    """Return the weight (outputs, width) and the bias (outputs,) of the one linear layer of a probe or of a bag of words."""
    scorer = model.scorer if isinstance(model, Comparison) else model
    if isinstance(scorer, BagOfWords):
        return scorer.weight.weight.T, scorer.bias
    assert isinstance(scorer, Head)
    return scorer.linear.weight, scorer.linear.bias
