"""The specification of an experiment: data, weak supervisors, students, ceilings, methods, seeds, and the rules between them."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from training import catalog
from training.base_models import Requested
from training.names import DatasetName
from training.readable_names import is_readable
from training.spec import bundles, given_supervisors, images
from training.spec.methods import (
    PROMPTS,
    AdaBoost,
    Bagging,
    Bootstrapping,
    Confidence,
    EnsembleMean,
    Imitation,
    Method,
    Naive,
    Overlap,
    Sequential,
)
from training.spec.methods.classes import for_classes
from training.spec.setting import Setting
from training.spec.training import STORED, Errors, TrainingSpec, is_stored
from training.spec.written_answers import problems_of

SPEC_VERSION: Final = 1
"""Version of stored specifications, raised when their shape changes; ``upgrade`` then reads the older shapes."""

MOST_METHODS = 12
"""Largest number of methods that an experiment asks for."""
MOST_SUBMISSIONS = 200
"""Largest number of predictions from outside that may be submitted to an experiment."""
MOST_SEEDS = 50
"""Largest number of seeds of one experiment."""

OWN_MODELS = "hub:ORG/NAME, or a folder."
ERRORS = {
    "own": "Its own",
    "longest": "On the longest texts",
    "shortest": "On the shortest texts",
    "unsure": "Where the ceiling is unsure",
    "sure": "Where the ceiling is surely right",
}

DATASET_NAME: TypeAdapter[str] = TypeAdapter(DatasetName)


class DataSpec(Requested):
    """The data set and its division into parts."""

    name: Annotated[str, Setting(catalog="datasets")] = Field(
        "movie-reviews",
        title="Data set",
        description="Texts, images or features with one of two or more labels, or pairs of texts of which one is preferred.",
    )
    test_fraction: Annotated[float, Setting(unit="of all rows")] = Field(
        0.25, ge=0.05, le=0.5, title="Test share", description="Held out from every training; the same rows for all seeds."
    )
    locked_fraction: Annotated[float, Setting("further", unit="of all rows")] = Field(
        0.1, ge=0, le=0.3, title="Locked share", description="A second test set, not used until a report opens it."
    )
    half_a_fraction: Annotated[float, Setting("further", unit="of the training rows")] = Field(
        0.5, ge=0, le=0.9, title="Share of half A", description="For supervisors to learn from; 0 where all of them are given."
    )
    validation_fraction: Annotated[float, Setting("further", unit="of each half")] = Field(
        0.1, ge=0, le=0.5, title="Validation share", description="Share of each half for the stop rule, not learned from."
    )
    limit: Annotated[int | None, Setting("further", unit="rows, empty for all", unit_explains=True)] = Field(
        None,
        ge=64,
        le=10_000_000,
        title="Rows per half",
        description="At most this many rows in each half, validation included; empty for all.",
    )
    split_seed: Annotated[int, Setting("further")] = Field(
        0, ge=0, le=2**31 - 1, title="Test split seed", description="Draws test and locked set, once for the whole experiment."
    )

    @field_validator("name")
    @classmethod
    def known(cls, name: str, info: ValidationInfo) -> str:
        return DATASET_NAME.validate_python(name) if is_stored(info) else catalog.dataset(name).name


class WeakSpec(TrainingSpec):
    """Weak supervisors, trained on the ground truth of half A to label half B."""

    models: Annotated[
        tuple[str, ...],
        Setting(catalog="supervisors", hint=f"Others by name: gpt2, pythia-70m, {OWN_MODELS}"),
    ] = Field(
        ("bag-of-words",), min_length=1, max_length=8, title="Models", description="Each one supervises every strong model."
    )
    errors: Annotated[Errors, Setting("further", titles=ERRORS)] = Field(
        "own",
        title="Errors",
        description="Position of the errors in the weak labels. Own: those of the supervisor. The others simulate hard labels "
        "with as many errors as the supervisor makes: at random, on the longest or shortest texts, where the ceiling is least "
        "confident, or where it is most confidently right (Burns et al. 2023, appendix E.2). The ceiling was trained on the "
        "truth of half B.",
    )
    epochs: int = Field(4, ge=1, le=1000, title="Epochs", description="Passes over the training half.")


class StrongSpec(TrainingSpec):
    """Students and ceilings, trained on half B with weak labels or with ground truth."""

    models: Annotated[
        tuple[str, ...], Setting(catalog="models", hint=f"Others by name: gpt2-xl, qwen3-1.7b-base, {OWN_MODELS}")
    ] = Field(
        ("minilm-l4",), min_length=1, max_length=8, title="Models", description="Each one is a student of every supervisor."
    )
    text_epochs: int = Field(
        0,
        ge=0,
        le=100,
        title="Text first",
        description="Epochs of language modelling on the texts of half B, without labels, before students and ceilings are "
        "trained (generative finetuning, Burns et al. 2023, section 5.2.2). A separate run, at the same learning rate. For "
        "decoders with full tuning or LoRA.",
    )
    saliency: bool = Field(
        False,
        title="Saliency",
        description="Linear probes on the truth of half B for each tuned student: on the features of its model before training, "
        "and after it (Burns et al. 2023, section 5.2.3). These are further runs, for LoRA or full tuning with kept weights.",
    )


class ExperimentSpec(Requested):
    """An experiment: every weak model supervises every strong model, by every method, with every seed."""

    version: Literal[1] = Field(SPEC_VERSION, title="Version")
    name: Annotated[str, Setting("head")] = Field("Untitled experiment", min_length=1, max_length=120, title="Name")
    data: DataSpec = Field(DataSpec(), title="Data")
    weak: WeakSpec = Field(WeakSpec(), title="Weak supervisors")
    strong: StrongSpec = Field(StrongSpec(), title="Students and ceilings")
    methods: tuple[Method, ...] = Field(
        (Naive(), Confidence()),
        min_length=1,
        max_length=MOST_METHODS + MOST_SUBMISSIONS,
        title="Methods",
        description="How the student uses weak labels.",
    )
    seeds: Annotated[int, Setting(unit="repetitions")] = Field(
        5,
        ge=1,
        le=MOST_SEEDS,
        title="Seeds",
        description="Repetitions, 0 to n - 1. A seed draws the two halves and the order of the data. "
        "An interval over seeds needs three.",
    )
    keep_weights: Annotated[bool, Setting("further")] = Field(
        False,
        title="Keep full weights",
        description="Keep the weights of fully tuned models, to export them later. Heads and LoRA additions are always kept.",
    )

    @field_validator("name")
    @classmethod
    def readable(cls, name: str, info: ValidationInfo) -> str:
        if not is_stored(info) and not is_readable(name):
            raise ValueError("No character of the name can be seen.")
        return name

    @field_validator("methods")
    @classmethod
    def distinct(cls, methods: tuple[Method, ...], info: ValidationInfo) -> tuple[Method, ...]:
        if not is_stored(info) and not all(method.offered for method in methods):
            raise ValueError("Predictions from outside are submitted to an experiment that has finished, not asked for.")
        data = info.data.get("data")
        known = None if is_stored(info) or data is None else catalog.known_dataset(data.name)
        if known and known.classes:
            methods = tuple(for_classes(method, len(known.classes)) for method in methods)
        if len(set(methods)) < len(methods):
            raise ValueError("The same method with the same settings is asked for twice.")
        if sum(method.offered for method in methods) > MOST_METHODS:
            raise ValueError(f"May have at most {MOST_METHODS} entries.")
        return methods

    @model_validator(mode="after")
    def models_fit_the_data(self, info: ValidationInfo) -> Self:
        data = None if is_stored(info) else catalog.known_dataset(self.data.name)
        if data:
            _refuse([*bundles.problems_of(self, data), *images.problems_of(self, data.images)])
        return self

    @model_validator(mode="after")
    def answers_can_be_written(self, info: ValidationInfo) -> Self:
        data = None if is_stored(info) else catalog.known_dataset(self.data.name)
        if data and data.task == "generative":
            _refuse(problems_of(self))
        return self

    @model_validator(mode="after")
    def given_labels_fit(self, info: ValidationInfo) -> Self:
        if not is_stored(info):
            _refuse(given_supervisors.problems_of(self))
        return self

    @model_validator(mode="after")
    def methods_fit_the_classes(self, info: ValidationInfo) -> Self:
        data = None if is_stored(info) else catalog.known_dataset(self.data.name)
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
        """Return the reason why ``method`` cannot be used in this experiment, empty if it can."""
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
                for needed in ("language", "chat") if method.format == "chat" else ("language",):
                    if needed in entry.refused:
                        return f"{entry.title}: {entry.refused[needed]}"
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
            place = ("strong", "text_epochs")
            known = list(filter(None, map(catalog.known_model, self.strong.models)))
            other = next((entry for entry in known if entry.kind != "decoder"), None)
            if other:
                _refuse([(place, f"Only a decoder models language, and {other.title} is none.")])
            _refuse((place, f"{entry.title}: {entry.refused['language']}") for entry in known if "language" in entry.refused)
            if self.strong.tuning == "probe":
                _refuse([(place, "A probe trains no transformer: choose full tuning or LoRA.")])
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
    """Raise ValidationError with a sentence for each of ``problems``, if there are any."""
    places = [
        InitErrorDetails(type=PydanticCustomError("refused", "{sentence}", {"sentence": sentence}), loc=place, input=None)
        for place, sentence in problems
    ]
    if places:
        raise ValidationError.from_exception_data("ExperimentSpec", places)


def upgrade(stored: dict[str, Any]) -> ExperimentSpec:
    """Return the specification of an experiment stored by this or any earlier version of the laboratory.

    Its models and its data set are not resolved: an experiment can be read when the Hub is unreachable or a folder is gone.
    """
    return ExperimentSpec.model_validate(stored, context=STORED)
