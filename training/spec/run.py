"""The specification of one run as it is stored, shared and identified: all that determines its outcome, and its key."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from training.answers import AnswerRule
from training.catalog import Adaptation
from training.names import GROUND_TRUTH, DatasetName, Digest, Fingerprint, Key, Labels, ModelName
from training.spec.methods import PROMPTS, FewShot, Imitation, LanguageModelling, Learning, ZeroShot
from training.spec.setting import setting_of
from training.spec.training import Errors, Stop, TrainingSettings

ENGINE_VERSION = 1
"""Version of the engine, raised when it would give other results for the same run; part of every run's key."""

LARGEST = 2**31 - 1
"""Largest whole number of a run."""
EVEN = 0.5
"""Share of the training rows in half A, unless an experiment sets another."""


class RunSpec(TrainingSettings):
    """One training: all that determines its outcome, and two settings that do not, gradient checkpointing and keeping weights.

    ``labels`` is "ground-truth" or the key of the run whose predictions are the labels. ``half`` is the half of the
    training rows that it learns from: "A" for supervisors, "B" for students and ceilings. A setting that does not apply to the
    model has its default; ``lora_rank`` and ``lora_alpha`` have None.
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
    lora_rank: int | None = Field(None, ge=1, le=LARGEST)  # type: ignore[assignment]
    lora_alpha: int | None = Field(None, ge=1, le=LARGEST)  # type: ignore[assignment]
    keep_weights: bool = False
    # Fields that only a plan sets, where a method or a supervisor needs more than one run.
    portion: tuple[int, int] | None = None
    """(i, n): the run has the i-th of n equal parts of the half, drawn by the seed and counted from 0."""
    resample: int | None = Field(None, ge=0, le=LARGEST)
    """Number of the bootstrap sample of its half that the run learns from."""
    boosts: tuple[Key, ...] | None = None
    """Keys of the earlier members of the AdaBoost to which the run belongs."""
    start: Key | None = None
    """Key of the run from whose weights it starts."""
    members: tuple[Key, ...] = ()
    """Keys of the runs whose predictions it combines instead of training."""
    combine: Literal["mean", "votes"] = "mean"
    errors: Errors = "own"
    """Structure of the errors that it simulates at the accuracy of the run ``labels``, instead of training; "own" for none."""
    judge: Key | None = None
    """Key of the ceiling that determines the position of simulated errors."""
    features_of: Key | None = None
    """Key of the run whose tuned transformer gives the features of this probe; None for the published model."""
    stop_at: int | None = Field(None, ge=0, le=LARGEST)
    """Step after which it ends, for the evaluation of an otherwise equal run that was stopped there."""
    half_a_fraction: float = Field(EVEN, ge=0, le=1)
    """Share of the training rows in half A; with 0 it is empty, and nothing is trained on it."""
    answers: AnswerRule | None = None
    """Rule that finds an answer in what its model writes; None for a run with classes."""

    def key(self) -> str:
        """Return the SHA-256 of the canonical JSON of this run: equal keys, equal results."""
        return key_of(self.content())

    def content(self) -> dict[str, Any]:
        """Return all that determines the outcome, as JSON.

        Fields that are newer than the first keys are left out at their default, so that those keys hold.
        """
        content = self.model_dump(mode="json", exclude=set(NOT_IN_KEY))
        for name in LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                del content[name]
        for name in LATER_OF_METHODS.get(self.method.kind, ()):
            if getattr(self.method, name) == type(self.method).model_fields[name].default:
                del content["method"][name]
        return content

    @classmethod
    def unused(cls, adaptation: Adaptation, kind: str | None = None, *, writes: bool = False, samples: int = 1) -> dict[str, Any]:
        """Return the settings that do not apply to ``adaptation`` of a model of ``kind``, at their defaults; None is any kind.

        ``writes`` says whether the run writes answers, of as many ``samples``.
        """
        fields = TrainingSettings.model_fields.items()
        names = [name for name, info in fields if not setting_of(info).applies(adaptation, kind, writes=writes)]
        names += ["answer_temperature"] if samples == 1 else []
        own = {name: cls.model_fields[name] for name in names}
        usual = {
            name: (TrainingSettings.model_fields[name] if info.is_required() else info).default for name, info in own.items()
        }
        return usual | ({name: NOT_TRAINED[name] for name in usual if name in NOT_TRAINED} if adaptation == "given" else {})

    def with_keys(self, names: Mapping[str, str]) -> "RunSpec":
        """Return the same run with the keys of the runs that it needs replaced by those in ``names``."""

        def named(key: str | None) -> str | None:
            return None if key is None else names.get(key, key)

        single = {name: named(getattr(self, name)) for name in ("labels", "start", "judge", "features_of")}
        boosts = None if self.boosts is None else tuple(names.get(key, key) for key in self.boosts)
        return self.model_copy(update={**single, "boosts": boosts, "members": tuple(names.get(key, key) for key in self.members)})

    @property
    def tunes_backbone(self) -> bool:
        """Return whether a transformer is trained, and therefore evaluated anew at every step."""
        return self.adaptation in ("full", "lora") and not self.derives

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the suffix that distinguishes the run's texts from those of its data set; empty where they are equal."""
        match self.method:
            case Imitation():
                return (f"imitation-{self.labels[:16]}",)
            case ZeroShot():
                return (f"zero-shot{'-chat' * self.in_chat}", *self._answered)
            case FewShot():
                shots = f"{self.method.shots}-shot-{self.method.labels}-{self.labels[:16]}-{self.seed}"
                return (f"{shots}{'-chat' * self.in_chat}", *self._answered)
        return ()

    @property
    def in_chat(self) -> bool:
        """Return whether its prompts are messages in the chat template of the model's tokenizer."""
        return isinstance(self.method, PROMPTS) and self.method.format == "chat"

    @property
    def _answered(self) -> tuple[str, ...]:
        """Return the words that say which rows a prompted run answers; none where these are nearly all, and all are computed."""
        if self.limit is None:
            return ()
        shares = [self.test_fraction, self.locked_fraction, *([] if self.half_a_fraction == EVEN else [self.half_a_fraction])]
        return (f"{self.limit}-of-{self.seed}-{self.split_seed}", "-".join(f"{share:g}" for share in shares))

    @property
    def reads(self) -> bool:
        """Return whether the run learns from texts alone and predicts no label."""
        return isinstance(self.method, LanguageModelling)

    @property
    def writes(self) -> bool:
        """Return whether the run's model writes answers, instead of predicting labels."""
        return self.answers is not None

    @property
    def models_language(self) -> bool:
        """Return whether its model gives the cost of texts, instead of logits of classes."""
        return self.reads or self.writes

    @property
    def prompts(self) -> bool:
        """Return whether the run's model is prompted and not trained."""
        return isinstance(self.method, PROMPTS)

    @property
    def derives(self) -> bool:
        """Return whether its predictions come from other runs, a prompted model or outside, so that nothing is trained."""
        return bool(self.members) or self.errors != "own" or self.prompts or self.adaptation == "given"

    @property
    def given(self) -> bool:
        """Return whether its predictions are labels from outside, which are read and not made."""
        return self.adaptation == "given" and not self.members and self.errors == "own"

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the keys of the runs that must be finished before this one can start."""
        labels = () if self.labels == GROUND_TRUTH else (self.labels,)
        read = (self.start, self.judge, self.features_of)
        return (*labels, *self.members, *(self.boosts or ()), *(key for key in read if key is not None))


PLANNED = ("portion", "resample", "boosts", "start", "members", "combine", "errors", "judge", "features_of", "stop_at", "answers")
"""Fields that only a plan sets."""
NOT_TRAINED: dict[str, Any] = {
    **{"epochs": 0, "batch_size": 1, "lr": 0.0, "weight_decay": 0.0},
    **{"schedule": "constant", "stop": "last", "max_tokens": 1},
}
"""Values of the settings without a default, for a run to which none of them applies."""
NOT_IN_KEY = ("gradient_checkpointing", "keep_weights")
"""Fields that do not change the outcome."""
LATER = tuple(
    name for name, info in RunSpec.model_fields.items() if not info.is_required() and name not in ("engine", *NOT_IN_KEY)
)
"""Fields that are newer than the first keys: those with a default, as every field of the first keys was required."""
LATER_OF_METHODS = {
    "naive": ("labels",),
    "confidence": ("threshold",),
    "anchored": ("threshold",),
    "zero-shot": ("format",),
    "few-shot": ("format",),
}


def key_of(content: Mapping[str, Any]) -> str:
    """Return the key of the run whose ``RunSpec.content`` this is."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
