"""Rules for experiments on data sets of written answers, with a sentence for each setting and method that they exclude."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from training import catalog
from training.spec.methods import (
    Bagging,
    Bootstrapping,
    EasyToHard,
    EnsembleMean,
    FewShot,
    FilterFraction,
    FilterThreshold,
    Method,
    Mixed,
    Naive,
    Relabelling,
    Sequential,
    ZeroShot,
)
from training.spec.training import TrainingSpec

if TYPE_CHECKING:
    from training.spec.experiment import ExperimentSpec

Place = tuple[str | int, ...]

WRITING = (
    Naive,
    FilterThreshold,
    FilterFraction,
    Mixed,
    EasyToHard,
    EnsembleMean,
    Bagging,
    Bootstrapping,
    Relabelling,
    Sequential,
    ZeroShot,
    FewShot,
)
"""Methods that are defined for written answers."""


def problems_of(spec: "ExperimentSpec") -> Iterator[tuple[Place, str]]:
    """Yield the place and a sentence of everything that an experiment on written answers cannot ask for.

    Nothing is read: models that are not known yet are checked when they are.
    """
    for role, training in (("weak", spec.weak), ("strong", spec.strong)):
        yield from (((role, *place), sentence) for place, sentence in _of_role(training))
    for number, method in enumerate(spec.methods):
        if sentence := _of_method(method) or _lacks_difficulty(method, spec.data.name):
            yield ("methods", number), sentence
    if spec.weak.errors != "own":
        yield ("weak", "errors"), "Errors are simulated for labels of classes, and the answers of this data set are written."
    if spec.strong.text_epochs:
        yield ("strong", "text_epochs"), "Texts are learned before classes, and the answers of this data set are written."
    if spec.strong.saliency:
        yield ("strong", "saliency"), "Saliency compares probes of classes, and the answers of this data set are written."


def for_written_answers(spec: "ExperimentSpec") -> "ExperimentSpec":
    """Return the spec with full tuning and without the methods that are not defined for written answers, not validated.

    Its models stay, since those that write answers of a kind are for a person to choose.
    """
    roles = {role: getattr(spec, role).model_copy(update={"tuning": "full"}) for role in ("weak", "strong")}
    methods = tuple(method for method in spec.methods if not _of_method(method)) or (Naive(),)
    return spec.model_copy(update={**roles, "methods": methods})


def _of_role(training: TrainingSpec) -> Iterator[tuple[Place, str]]:
    if training.tuning == "probe":
        yield ("tuning",), "A probe gives classes and writes no answers: choose full tuning or LoRA."
    for entry in filter(None, map(catalog.known_model, training.models)):
        if entry.kind != "decoder" or entry.layers is None:
            yield ("models",), f"Only a decoder writes answers, and {entry.title} is none."
        elif "language" in entry.refused:
            yield ("models",), f"{entry.title}: {entry.refused['language']}"
        elif entry.context is not None and entry.context < training.max_tokens + training.answer_tokens:
            needed = training.max_tokens + training.answer_tokens
            yield (
                ("max_tokens",),
                f"{entry.title} reads at most {entry.context} tokens, and the longest text and the longest answer together have "
                f"{needed}: lower one of them.",
            )


def _of_method(method: Method) -> str:
    """Return the reason why ``method`` cannot be used with written answers, empty if it can."""
    if not isinstance(method, WRITING):
        return "This method needs probabilities of classes, and the answers of this data set are written."
    if isinstance(method, Naive) and method.labels == "hard":
        return "A written answer is a hard label already: leave the weak labels soft, which is the same."
    if isinstance(method, Mixed) and method.rest == "random":
        return "Random labels are drawn among classes, and the answers of this data set are written."
    return ""


def _lacks_difficulty(method: Method, dataset: str) -> str:
    entry = catalog.known_dataset(dataset)
    answers = entry.report.answers if entry and entry.report else None  # no report: found when the run starts
    if isinstance(method, EasyToHard) and answers and answers.difficulty is None:
        return "Easy to hard needs the difficulty of each row, and this data set has no column for it."
    return ""
