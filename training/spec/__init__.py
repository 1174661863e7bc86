"""The experiment, defined once: types, limits, defaults, titles and rules. Forms, API, storage and docs are grown from it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from training import catalog
from training.base_models import Frozen as Frozen
from training.base_models import Requested
from training.catalog import Adaptation, Tuning
from training.names import GROUND_TRUTH as GROUND_TRUTH
from training.names import DatasetName, Digest, Fingerprint, Key, Labels, ModelName, model_name
from training.spec.methods import (
    METHOD_KINDS,
    PROMPTS,
    AdaBoost,
    Bagging,
    Bootstrapping,
    EnsembleMean,
    FewShot,
    Imitation,
    LanguageModelling,
    Learning,
    Overlap,
    Sequential,
    ZeroShot,
)
from training.spec.methods import Confidence as Confidence
from training.spec.methods import Method as Method
from training.spec.methods import Naive as Naive

ENGINE_VERSION = 1
"""Raised when the engine would give other results for the same run; part of every run's key."""

SPEC_VERSION: Final = 1
"""Raised when the shape of a stored experiment changes; ``upgrade`` then knows the older shapes."""


DATASET_NAME: TypeAdapter[str] = TypeAdapter(DatasetName)

LARGEST = 2**31 - 1
"""Of the whole numbers of a run."""

MOST_SEEDS = 50
"""Of one experiment."""

STORED = {"stored": True}
"""The context in which a stored experiment is read: its models and its data set are taken as they stand."""


def _stored(info: ValidationInfo) -> bool:
    return bool(info.context and info.context.get("stored"))


Precision = Literal["auto", "fp32", "bf16", "fp16"]
Pooling = Literal["mean", "cls"]
HeadStart = Literal["zero", "unembedding"]
Stop = Literal["validation", "last"]
Errors = Literal["own", "random", "longest", "shortest", "unsure", "sure"]


class DataSpec(Requested):
    """Which texts are used, and how they are divided."""

    name: str = Field(
        "movie-reviews",
        title="Data set",
        description="Texts with one of two or more labels, or pairs of texts of which one is preferred.",
    )
    test_fraction: float = Field(
        0.25, ge=0.05, le=0.5, title="Test share", description="Held out from every training; the same rows for all seeds."
    )
    locked_fraction: float = Field(
        0.1, ge=0, le=0.3, title="Locked share", description="A second test set, kept unseen until a result page is made."
    )
    validation_fraction: float = Field(
        0.1, ge=0, le=0.5, title="Validation share", description="Of each half: not learned from, but looked at by the stop rule."
    )
    limit: int | None = Field(
        None,
        ge=64,
        le=10_000_000,
        title="Rows per half",
        description="At most this many rows in each half, validation included; empty for all.",
    )
    split_seed: int = Field(
        0, ge=0, le=2**31 - 1, title="Test split seed", description="Draws test and locked set, once for the whole experiment."
    )

    @field_validator("name")
    @classmethod
    def known(cls, name: str, info: ValidationInfo) -> str:
        return DATASET_NAME.validate_python(name) if _stored(info) else catalog.dataset(name).name


class TrainingSpec(Requested):
    """How the models of one role are trained."""

    models: tuple[str, ...] = Field(min_length=1, max_length=8, title="Models")
    tuning: Tuning = Field(
        "probe",
        title="Tuning",
        description="Probe: a linear head on frozen features. Full: every weight. LoRA: low-rank additions to every linear "
        "layer. Bag of words always trains from scratch.",
    )
    epochs: int = Field(8, ge=1, le=1000, title="Epochs", description="Passes over the training half.")
    batch_size: int = Field(32, ge=2, le=4096, title="Batch size", description="Examples per optimiser step.")
    lr: float | None = Field(
        None, gt=0, le=10, title="Learning rate", description="Empty for the value recommended for the model and its tuning."
    )
    weight_decay: float = Field(0.0, ge=0, le=10, title="Weight decay", description="AdamW, decoupled.")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "cosine", title="Schedule", description="How the learning rate falls to zero, if it does."
    )
    stop: Stop = Field(
        "validation",
        title="Stop rule",
        description="Which step a run’s predictions are of. Validation: the best accuracy on validation rows against the labels "
        "that the run learns from, the earliest of equal ones (Burns et al. 2023, appendix A.1). Last: the last step.",
    )
    max_tokens: int = Field(
        128,
        ge=8,
        le=8192,
        title="Longest text",
        description="Tokens read of each text from its beginning; the rest is cut, and no text is left out.",
        validate_default=True,
    )
    lora_rank: int = Field(8, ge=1, le=1024, title="LoRA rank", description="Width of the additions; for LoRA only.")
    lora_alpha: int = Field(
        16, ge=1, le=4096, title="LoRA alpha", description="The additions are scaled by alpha / rank; for LoRA only."
    )
    precision: Precision = Field(
        "auto",
        title="Precision",
        description="Of the transformer's arithmetic; its weights and the head stay fp32. Auto: bf16 on a CUDA GPU that has it, "
        "else fp32, so that such a run may come out differently on another kind of machine.",
    )
    gradient_checkpointing: bool = Field(
        False,
        title="Gradient checkpointing",
        description="Computes states again instead of keeping them: less memory, about a third more time, the same result.",
    )

    pooling: Pooling = Field(
        "mean",
        title="Pooling",
        description="How the states of an encoder become one vector: their mean, or the first token’s. A decoder is read at the "
        "last token of the text.",
    )
    head_start: HeadStart = Field(
        "zero",
        title="Head starts",
        description="At zero, or for decoders at the unembedding rows of the words 0 and 1, as in Burns et al. 2023 (with "
        "more classes 0, 1, 2 and so on), so that training begins from what the model says of itself.",
    )

    @field_validator("models")
    @classmethod
    def known(cls, models: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        names = tuple(map(model_name, models)) if _stored(info) else tuple(catalog.model(name).name for name in models)
        if len(set(names)) < len(names):
            raise ValueError("A model is named twice.")
        return names

    @field_validator("tuning", "head_start")
    @classmethod
    def possible(cls, choice: str, info: ValidationInfo) -> str:
        for name in () if _stored(info) else info.data.get("models", ()):
            entry = catalog.known_model(name)
            if entry and choice in entry.refused:
                raise ValueError(f"{entry.title}: {entry.refused[choice]}")
        return choice

    @field_validator("max_tokens")
    @classmethod
    def within_context(cls, max_tokens: int, info: ValidationInfo) -> int:
        for name in () if _stored(info) else info.data.get("models", ()):
            entry = catalog.known_model(name)
            if entry and entry.context is not None and entry.context < max_tokens:
                raise ValueError(f"{entry.title} reads at most {entry.context} tokens.")
        return max_tokens


class WeakSpec(TrainingSpec):
    """Weak supervisors: trained on the ground truth of half A, then they label half B."""

    models: tuple[str, ...] = Field(
        ("bag-of-words",), min_length=1, max_length=8, title="Models", description="Each one supervises every strong model."
    )
    errors: Errors = Field(
        "own",
        title="Errors",
        description="Where the weak labels are wrong. Own: where the supervisor is. The others simulate hard labels from the "
        "truth with as many errors as the supervisor makes: random, on the longest or shortest texts, where the ceiling is "
        "least sure, or where it is surely right (Burns et al. 2023, appendix E.2). The ceiling has learned the truth of half B.",
    )
    epochs: int = Field(4, ge=1, le=1000, title="Epochs", description="Passes over the training half.")


class StrongSpec(TrainingSpec):
    """Students and ceilings: trained on half B, with weak labels or with ground truth."""

    models: tuple[str, ...] = Field(
        ("minilm-l4",), min_length=1, max_length=8, title="Models", description="Each one is a student of every supervisor."
    )
    text_epochs: int = Field(
        0,
        ge=0,
        le=100,
        title="Text first",
        description="Passes over the texts of half B by language modelling, without a label, from which students and ceilings "
        "all begin (generative finetuning, Burns et al. 2023, section 5.2.2). A run of its own, at the same learning rate. For "
        "decoders with full tuning or LoRA.",
    )
    saliency: bool = Field(
        False,
        title="Saliency",
        description="Beside each tuned student linear probes on the truth of half B: of what the model gives before its "
        "training, and after it (Burns et al. 2023, section 5.2.3). Further runs; for LoRA, and full tuning whose weights are "
        "kept.",
    )


class ExperimentSpec(Requested):
    """What a person asks for: every weak model teaches every strong model, by every method, with every seed."""

    version: Literal[1] = Field(SPEC_VERSION, title="Version")
    name: str = Field("Untitled experiment", min_length=1, max_length=120, title="Name")
    data: DataSpec = Field(DataSpec(), title="Data")
    weak: WeakSpec = Field(WeakSpec(), title="Weak supervisors")
    strong: StrongSpec = Field(StrongSpec(), title="Students and ceilings")
    methods: tuple[Method, ...] = Field(
        (Naive(), Confidence()), min_length=1, max_length=12, title="Methods", description="How the student uses weak labels."
    )
    seeds: int = Field(
        5,
        ge=1,
        le=MOST_SEEDS,
        title="Seeds",
        description="Repetitions, 0 to n - 1. A seed draws the two halves and the order of the data. "
        "An interval over seeds needs three.",
    )
    keep_weights: bool = Field(
        False,
        title="Keep full weights",
        description="Of fully tuned models, to export them later. Heads and LoRA additions are small and always kept.",
    )

    @field_validator("methods")
    @classmethod
    def distinct(cls, methods: tuple[Method, ...]) -> tuple[Method, ...]:
        if len(set(methods)) < len(methods):
            raise ValueError("The same method with the same settings is asked for twice.")
        return methods

    @model_validator(mode="after")
    def methods_fit_the_classes(self, info: ValidationInfo) -> Self:
        data = None if _stored(info) else catalog.known_dataset(self.data.name)
        if data and len(data.classes) > 2:
            _refuse(
                (("methods", number), f"This method is defined for two classes, and the data set has {len(data.classes)}.")
                for number, method in enumerate(self.methods)
                if method.two_classes
            )
        return self

    @model_validator(mode="after")
    def methods_have_what_they_need(self) -> Self:
        _refuse(
            (("methods", number), sentence) for number, method in enumerate(self.methods) if (sentence := self._lacks(method))
        )
        return self

    def _lacks(self, method: Method) -> str:
        """Why ``method`` cannot be used in this experiment, empty where it can."""
        if isinstance(method, EnsembleMean | Bagging | AdaBoost) and self.weak.errors != "own":
            return "An ensemble is one of supervisors with their own errors, and this experiment simulates others."
        data = catalog.known_dataset(self.data.name)
        if isinstance(method, (Imitation, *PROMPTS)) and data and data.texts > 1:
            return "A prompt is about one text, and the examples of this data set are pairs of texts."
        if isinstance(method, Overlap):
            if data and data.texts > 1:
                return "Overlap is between single texts, and the examples of this data set are pairs of texts."
            for entry in filter(None, map(catalog.known_model, self.strong.models)):
                if entry.adaptation("probe") == "scratch":
                    return f"Overlap is found in a transformer’s features, and {entry.title} has none."
        if isinstance(method, PROMPTS):
            for entry in filter(None, map(catalog.known_model, self.strong.models)):
                if entry.kind != "decoder":
                    return f"A prompt asks a decoder, and {entry.title} is none."
        if isinstance(method, EnsembleMean) and len(self.weak.models) < 2:
            return "The mean of all supervisors needs at least two weak models."
        if isinstance(method, Bootstrapping) and len(self.strong.models) < 2:
            return "Bootstrapping goes through smaller strong models: choose at least two strong models."
        if isinstance(method, Sequential) and self.strong.tuning == "full" and not self.keep_weights:
            return "To go on from a fully tuned student its weights must be kept: choose Keep full weights."
        return ""

    @model_validator(mode="after")
    def can_read_texts_first(self) -> Self:
        if self.strong.text_epochs:
            known = list(filter(None, map(catalog.known_model, self.strong.models)))
            other = next((entry for entry in known if entry.kind != "decoder"), None)
            if other:
                sentence = f"Only a decoder models language, and {other.title} is none."
                _refuse([(("strong", "text_epochs"), sentence)])
            if self.strong.tuning == "probe":
                _refuse([(("strong", "text_epochs"), "A probe trains no transformer: choose full tuning or LoRA.")])
        return self

    @model_validator(mode="after")
    def has_features_that_change(self) -> Self:
        if self.strong.saliency and self.strong.tuning == "probe":
            _refuse([(("strong", "saliency"), "A probe changes no features: choose full tuning or LoRA.")])
        if self.strong.saliency and self.strong.tuning == "full" and not self.keep_weights:
            _refuse(
                [(("strong", "saliency"), "To probe a fully tuned student its weights must be kept: choose Keep full weights.")]
            )
        return self

    @model_validator(mode="after")
    def has_validation_rows(self) -> Self:
        if self.data.validation_fraction == 0 and "validation" in (self.weak.stop, self.strong.stop):
            sentence = "A stop rule looks at validation rows: more than 0 are needed, or both roles must stop at the last step."
            _refuse([(("data", "validation_fraction"), sentence)])
        return self


def _refuse(problems: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
    """Raises ValidationError for the places at which something is wrong, if there are any, with a sentence for each."""
    places = [
        InitErrorDetails(type=PydanticCustomError("refused", "{sentence}", {"sentence": sentence}), loc=place, input=None)
        for place, sentence in problems
    ]
    if places:
        raise ValidationError.from_exception_data("ExperimentSpec", places)


class RunSpec(Requested):
    """One training, with everything that decides its outcome, and what does not: saving memory, and keeping weights.

    ``labels`` is "ground-truth" or the key of the run whose predictions are the labels. ``half`` is the half of the
    training rows that it learns from: "A" for supervisors, "B" for students and ceilings. ``lora_rank`` and ``lora_alpha`` are
    None unless the run adapts by LoRA; ``pooling`` is of encoders and ``head_start`` of decoders, at their default elsewhere.
    """

    engine: int = Field(ENGINE_VERSION, ge=1, le=LARGEST)
    dataset: DatasetName
    fingerprint: Fingerprint
    test_fraction: float = Field(ge=0, le=1)
    locked_fraction: float = Field(ge=0, le=1)
    validation_fraction: float = Field(ge=0, le=1)
    limit: int | None = Field(ge=1, le=LARGEST)
    split_seed: int = Field(ge=0, le=LARGEST)
    half: Literal["A", "B"]
    labels: Labels
    model: ModelName
    digest: Digest
    adaptation: Adaptation
    method: Learning
    epochs: int = Field(ge=0, le=LARGEST)
    batch_size: int = Field(ge=1, le=LARGEST)
    lr: float = Field(ge=0)
    weight_decay: float = Field(ge=0)
    schedule: Literal["constant", "linear", "cosine"]
    stop: Stop
    max_tokens: int = Field(ge=1, le=LARGEST)
    seed: int = Field(ge=0, le=LARGEST)
    lora_rank: int | None = Field(None, ge=1, le=LARGEST)
    lora_alpha: int | None = Field(None, ge=1, le=LARGEST)
    precision: Precision = "auto"
    pooling: Pooling = "mean"
    head_start: HeadStart = "zero"
    gradient_checkpointing: bool = False
    keep_weights: bool = False
    # What only a plan sets, where a method or a supervisor needs more than one run.
    portion: tuple[int, int] | None = None
    """(i, n): of n equal parts of the half, that the seed draws, the run has the i-th, counted from 0."""
    resample: int | None = Field(None, ge=0, le=LARGEST)
    """The bootstrap sample of its half that the run learns from."""
    boosts: tuple[Key, ...] | None = None
    """Keys of the earlier members of the AdaBoost that the run is a member of."""
    start: Key | None = None
    """Key of the run from whose weights it goes on."""
    members: tuple[Key, ...] = ()
    """Keys of the runs whose predictions it combines, instead of training."""
    combine: Literal["mean", "votes"] = "mean"
    errors: Errors = "own"
    """Whose structure of errors it simulates at the accuracy of the run ``labels``, instead of training."""
    judge: Key | None = None
    """Key of the ceiling that says where errors are."""
    features_of: Key | None = None
    """Key of the run whose tuned transformer gives the features of this probe; None for the model as it was published."""
    stop_at: int | None = Field(None, ge=0, le=LARGEST)
    """The step after which it ends, as somebody stopped and evaluated the run that is otherwise the same."""

    def key(self) -> str:
        """SHA-256 of the canonical JSON of this run: equal keys, equal results."""
        return key_of(self.content())

    def content(self) -> dict[str, Any]:
        """All that decides the outcome, as JSON.

        Fields that are newer than the first keys are left out at their default, so that those keys hold.
        """
        content = self.model_dump(mode="json", exclude={"gradient_checkpointing", "keep_weights"})
        for name in LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                del content[name]
        for name in LATER_OF_METHODS.get(self.method.kind, ()):
            if getattr(self.method, name) == type(self.method).model_fields[name].default:
                del content["method"][name]
        return content

    def with_keys(self, names: Mapping[str, str]) -> "RunSpec":
        """The same run where the runs that it needs have other keys: those that are in ``names`` have what that says."""

        def named(key: str | None) -> str | None:
            return None if key is None else names.get(key, key)

        single = {name: named(getattr(self, name)) for name in ("labels", "start", "judge", "features_of")}
        boosts = None if self.boosts is None else tuple(names.get(key, key) for key in self.boosts)
        return self.model_copy(update={**single, "boosts": boosts, "members": tuple(names.get(key, key) for key in self.members)})

    @property
    def tunes_backbone(self) -> bool:
        """Whether a transformer is trained, and so read anew at every step."""
        return self.adaptation in ("full", "lora") and not self.derives

    @property
    def texts(self) -> tuple[str, ...]:
        """What tells the texts that the run reads from those of its data set; empty where they are the same."""
        match self.method:
            case Imitation():
                return (f"imitation-{self.labels[:16]}",)
            case ZeroShot():
                return ("zero-shot",)
            case FewShot():
                return (f"{self.method.shots}-shot-{self.method.labels}-{self.labels[:16]}-{self.seed}",)
        return ()

    @property
    def reads(self) -> bool:
        """Whether it learns from texts alone, and predicts no label."""
        return isinstance(self.method, LanguageModelling)

    @property
    def prompts(self) -> bool:
        """Whether its model is asked and not trained."""
        return isinstance(self.method, PROMPTS)

    @property
    def derives(self) -> bool:
        """Whether its predictions are made of those of other runs, or by asking its model, so that nothing is trained."""
        return bool(self.members) or self.errors != "own" or self.prompts

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of the runs that must be finished before this one can start."""
        labels = () if self.labels == GROUND_TRUTH else (self.labels,)
        read = (self.start, self.judge, self.features_of)
        return (*labels, *self.members, *(self.boosts or ()), *(key for key in read if key is not None))


PLANNED = ("portion", "resample", "boosts", "start", "members", "combine", "errors", "judge", "features_of", "stop_at")
"""Fields that only a plan sets."""
LATER = ("lora_rank", "lora_alpha", "precision", "pooling", "head_start", *PLANNED)
LATER_OF_METHODS = {"naive": ("labels",), "confidence": ("threshold",)}


def key_of(content: Mapping[str, Any]) -> str:
    """The key of the run whose ``RunSpec.content`` this is."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def upgrade(stored: dict[str, Any]) -> ExperimentSpec:
    """The spec of an experiment stored by this or any earlier version of the laboratory.

    Its models and its data set are not looked for: an experiment can be read when the Hub is away or a folder is gone.
    """
    return ExperimentSpec.model_validate(stored, context=STORED)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field; ``path`` is dotted, such as methods.0.weight, and empty for the whole spec."""

    path: str
    message: str


def describe(errors: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Pydantic's errors (``ValidationError.errors()``) as paths of the spec and sentences for a person."""
    problems = [(_path(error["loc"]), error) for error in errors]
    # A list whose entries are wrong is also said to be too short, since pydantic does not count them.
    wrong_inside = {
        path for path, error in problems if error["type"] == "too_short" and any(p.startswith(f"{path}.") for p, _ in problems)
    }
    return [Problem(path, _sentence(error)) for path, error in problems if path not in wrong_inside]


def _path(location: Iterable[int | str]) -> str:
    parts = [str(part) for part in location if part not in METHOD_KINDS]
    return ".".join(parts[2:] if parts[:2] == ["body", "spec"] else parts)


SENTENCES = {
    "missing": "This is needed.",
    "extra_forbidden": "This is not a setting.",
    "greater_than": "Must be greater than {gt:,.10g}.",
    "greater_than_equal": "Must be at least {ge:,.10g}.",
    "less_than": "Must be less than {lt:,.10g}.",
    "less_than_equal": "Must be at most {le:,.10g}.",
    "int_type": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "int_parsing_size": "Must be a whole number.",
    "int_from_float": "Must be a whole number.",
    "float_type": "Must be a number.",
    "float_parsing": "Must be a number.",
    "finite_number": "Must be a finite number.",
    "bool_type": "Must be true or false.",
    "bool_parsing": "Must be true or false.",
    "string_type": "Must be text.",
    "string_too_short": "Needs at least {least} {character}.",
    "string_too_long": "May have at most {max_length:,} characters.",
    "tuple_type": "Must be a list.",
    "model_type": "Must be a group of settings.",
    "model_attributes_type": "Must be a group of settings.",
    "too_short": "Needs at least {least} {entry}.",
    "too_long": "May have at most {max_length:,} entries.",
    "literal_error": "Must be {expected}.",
    "union_tag_invalid": "There is no kind “{tag}”. There are: {expected_tags}.",
    "union_tag_not_found": f"Needs a kind, one of: {', '.join(METHOD_KINDS)}.",
    "json_invalid": "This is not JSON: {error}.",
}
"""What to say for each type of pydantic's errors, with the error's context; any other type keeps pydantic's own words."""


def _sentence(error: Mapping[str, Any]) -> str:
    context = {name: value.replace("'", "") if isinstance(value, str) else value for name, value in error.get("ctx", {}).items()}
    one = context.get("min_length") == 1
    context["least"] = "one" if one else context.get("min_length")
    context |= {"entry": "entry", "character": "character"} if one else {"entry": "entries", "character": "characters"}
    sentence = SENTENCES.get(error["type"])
    return sentence.format(**context) if sentence else str(error["msg"]).removeprefix("Value error, ")


def warnings(spec: ExperimentSpec) -> list[Problem]:
    """What is allowed but probably not meant, and what the checks found in the data."""
    data = catalog.known_dataset(spec.data.name)
    found = [Problem("data.name", warning) for warning in (data.warnings if data else ())]
    # Of a stored experiment's models nothing may be known any more, and a page does not go and look.
    for weak in filter(None, map(catalog.known_model, spec.weak.models)):
        for strong in filter(None, map(catalog.known_model, spec.strong.models)):
            if weak.name == strong.name:
                found.append(Problem("strong.models", f"{weak.title} is both supervisor and student: expect no gap, so no PGR."))
            elif weak.parameters > strong.parameters:
                found.append(Problem("strong.models", f"{weak.title} supervises the smaller {strong.title}."))
    if spec.seeds < 3:
        found.append(Problem("seeds", "With fewer than three seeds the intervals hardly know how results vary between seeds."))
    return found
