"""The settings of one training, declared once for supervisors, students and ceilings."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from training import catalog
from training.base_models import Requested
from training.catalog import Tuning
from training.names import model_name
from training.spec.setting import PRETRAINED, READERS, TRANSFORMERS, Setting

STORED = {"stored": True}
"""Validation context of a stored experiment: its models and its data set are not resolved."""


def is_stored(info: ValidationInfo) -> bool:
    return bool(info.context and info.context.get("stored"))


Precision = Literal["auto", "fp32", "bf16", "fp16"]
Pooling = Literal["mean", "cls"]
ImageCrop = Literal["model", "center"]
HeadStart = Literal["zero", "unembedding"]
Stop = Literal["validation", "last"]
Errors = Literal["own", "random", "longest", "shortest", "unsure", "sure"]

PRECISIONS = {"fp32": "fp32", "bf16": "bf16", "fp16": "fp16"}
IMAGE_CROPS = {"model": "The model’s own", "center": "Centre, 224 of 256"}
HEAD_STARTS = {"zero": "At zero", "unembedding": "At the unembedding"}


class ModelChoice(Requested):
    """The models of one role and their tuning."""

    models: Annotated[tuple[str, ...], Setting(catalog="models")] = Field(min_length=1, max_length=8, title="Models")
    tuning: Annotated[Tuning, Setting(titles={"lora": "LoRA"})] = Field(
        "probe",
        title="Tuning",
        description="Probe: a linear head on frozen features. Full: every weight. LoRA: low-rank additions to every linear "
        "layer. Bag of words and pixels always train from scratch, and backbones of images are always probed.",
    )


class TrainingSettings(Requested):
    """The settings of a training that an experiment and each of its runs have in common.

    A new setting is declared here and nowhere else: forms, the API, runs with their keys, comparisons and the reference follow.
    """

    epochs: int = Field(8, ge=1, le=1000, title="Epochs", description="Passes over the training half.")
    batch_size: Annotated[int, Setting("further", unit="examples")] = Field(
        32, ge=2, le=4096, title="Batch size", description="Examples per optimiser step."
    )
    lr: Annotated[float | None, Setting("further", unit="empty for the recommended one", unit_explains=True)] = Field(
        None, gt=0, le=10, title="Learning rate", description="Empty for the value recommended for the model and its tuning."
    )
    weight_decay: Annotated[float, Setting("further")] = Field(
        0.0, ge=0, le=10, title="Weight decay", description="AdamW, decoupled."
    )
    schedule: Annotated[Literal["constant", "linear", "cosine"], Setting("further")] = Field(
        "cosine", title="Schedule", description="The learning rate over the training: constant, or a decay to zero."
    )
    stop: Annotated[Stop, Setting("further", titles={"validation": "Best on validation", "last": "Last step"})] = Field(
        "validation",
        title="Stop rule",
        description="The step whose predictions are used. Validation: the best accuracy on validation rows against the labels "
        "that the run learns from, the earliest of equal ones (Burns et al. 2023, appendix A.1); of written answers, the least "
        "loss there. Last: the last step.",
    )
    max_tokens: Annotated[int, Setting("further", unit="tokens", kinds=READERS)] = Field(
        128,
        ge=8,
        le=8192,
        title="Longest text",
        description="Tokens read from the start of each text; longer texts are truncated, not left out. A prompt to be answered "
        "is never truncated: a longer one is refused.",
        validate_default=True,
    )
    answer_tokens: Annotated[int, Setting("further", unit="tokens", kinds=("decoder",), task="answers")] = Field(
        32,
        ge=1,
        le=2048,
        title="Longest answer",
        description="Tokens of a written answer, its end included; for data sets of written answers only. A longer one is cut, "
        "and longer answers of the data set are refused.",
    )
    answer_samples: Annotated[int, Setting("further", kinds=("decoder",), task="answers")] = Field(
        1,
        ge=1,
        le=64,
        title="Samples of an answer",
        description="Written answers only. 1: the most probable token at each place. More: so many samples, of which the "
        "answer that most of them give counts; evaluations while a run trains have the most probable tokens all the same.",
    )
    answer_temperature: Annotated[float, Setting("further", kinds=("decoder",), task="answers")] = Field(
        1.0,
        gt=0,
        le=10,
        title="Temperature",
        description="Written answers only. Temperature of samples; unused where there is one.",
    )
    lora_rank: Annotated[int, Setting("further", adaptations=("lora",))] = Field(
        8, ge=1, le=1024, title="LoRA rank", description="Rank of the additions; for LoRA only."
    )
    lora_alpha: Annotated[int, Setting("further", adaptations=("lora",))] = Field(
        16, ge=1, le=4096, title="LoRA alpha", description="The additions are scaled by alpha / rank; for LoRA only."
    )
    precision: Annotated[Precision, Setting("further", titles=PRECISIONS, adaptations=TRANSFORMERS, kinds=PRETRAINED)] = Field(
        "auto",
        title="Precision",
        description="Number format of the transformer's arithmetic; its weights and the head stay fp32. Auto: bf16 on a CUDA GPU "
        "that supports it and on a CPU that trains faster in it, otherwise fp32: results may differ between kinds of machines.",
    )
    gradient_checkpointing: Annotated[bool, Setting("further", adaptations=("full", "lora"))] = Field(
        False,
        title="Gradient checkpointing",
        description="Recompute hidden states instead of storing them: less memory, about a third more time, the same result.",
    )
    pooling: Annotated[
        Pooling, Setting("further", titles={"cls": "First token"}, adaptations=TRANSFORMERS, kinds=("encoder",))
    ] = Field(
        "mean",
        title="Pooling",
        description="Reduction of an encoder’s states to one vector: their mean, or the state of the first token. A decoder "
        "always uses the last token of the text.",
    )
    image_crop: Annotated[ImageCrop, Setting("further", titles=IMAGE_CROPS, adaptations=("probe",), kinds=("vision",))] = Field(
        "model",
        title="Image crop",
        description="The part of an image that a backbone sees. The model’s own: as its preprocessor_config.json says. Centre: "
        "the shorter side is resized to 256 pixels (bilinear), and the 224 x 224 in the middle are seen, as is usual on "
        "ImageNet; colours are normalised as the model says.",
    )
    head_start: Annotated[HeadStart, Setting("further", titles=HEAD_STARTS, kinds=("decoder",), task="classes")] = Field(
        "zero",
        title="Head initialisation",
        description="Zero, or for decoders the unembedding rows of the words 0 and 1, as in Burns et al. 2023 (0, 1, 2 and so on "
        "for more classes), so that training starts from the model’s own prediction.",
    )


class TrainingSpec(TrainingSettings, ModelChoice):  # fields of the last base come first: a setting is checked against the models
    """The training settings of the models of one role."""

    @field_validator("models")
    @classmethod
    def known(cls, models: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        names = tuple(map(model_name, models)) if is_stored(info) else tuple(catalog.model(name).name for name in models)
        if len(set(names)) < len(names):
            raise ValueError("A model is named twice.")
        return names

    @field_validator("tuning", "head_start", "gradient_checkpointing")
    @classmethod
    def possible(cls, choice: str | bool, info: ValidationInfo) -> str | bool:
        # A probe has no use for gradient checkpointing.
        wanted = "checkpointing" if choice is True and info.data.get("tuning") != "probe" else choice
        for name in () if is_stored(info) else info.data.get("models", ()):
            entry = catalog.known_model(name)
            if entry and wanted in entry.refused:
                raise ValueError(f"{entry.title}: {entry.refused[str(wanted)]}")
        return choice

    @field_validator("max_tokens")
    @classmethod
    def within_context(cls, max_tokens: int, info: ValidationInfo) -> int:
        for name in () if is_stored(info) else info.data.get("models", ()):
            entry = catalog.known_model(name)
            if entry and entry.context is not None and entry.context < max_tokens:
                raise ValueError(f"{entry.title} reads at most {entry.context} tokens.")
        return max_tokens
