"""Rules for experiments on data sets of images, with a sentence for each setting and method that they exclude."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from training import catalog
from training.catalog import packages, vision
from training.spec.methods import PROMPTS, Imitation, Naive

if TYPE_CHECKING:
    from training.spec.experiment import ExperimentSpec

Place = tuple[str | int, ...]

BY_LENGTH = ("longest", "shortest")
USUAL = "pixels-4x4", "pixels-7x7"


def problems_of(spec: "ExperimentSpec", images: bool) -> Iterator[tuple[Place, str]]:
    """Yield the place and a sentence of everything that an experiment on images, or on other data, cannot ask for.

    Nothing is read: models that are not known yet are checked when they are.
    """
    for role, training in (("weak", spec.weak), ("strong", spec.strong)):
        for entry in filter(None, map(catalog.known_model, training.models)):
            if images and entry.kind in ("encoder", "decoder") and entry.adaptations != ("given",):
                yield (
                    (role, "models"),
                    f"{entry.title} reads texts, and the examples of this data set are images: choose a model of images, such as "
                    f"{' or '.join(USUAL)}.",
                )
            if not images and entry.kind == "vision":
                yield (role, "models"), f"{entry.title} reads images, and this data set has none."
    if not images:
        return
    for number, method in enumerate(spec.methods):
        if isinstance(method, (Imitation, *PROMPTS)):
            yield ("methods", number), "A prompt is a text, and the examples of this data set are images."
    if spec.weak.errors in BY_LENGTH:
        yield ("weak", "errors"), "Images have no length: choose another structure of errors."


def for_images(spec: "ExperimentSpec") -> "ExperimentSpec":
    """Return the spec with models of images and without methods that need texts, not validated."""
    strong = vision.LITE0 if not packages.missing(catalog.MODELS[vision.LITE0]) else USUAL[1]
    weak = {"models": (USUAL[0],), "tuning": "probe", "errors": "own"}
    methods = tuple(method for method in spec.methods if not isinstance(method, (Imitation, *PROMPTS))) or (Naive(),)
    return spec.model_copy(
        update={
            "weak": spec.weak.model_copy(update=weak),
            "strong": spec.strong.model_copy(update={"models": (strong,), "tuning": "probe", "saliency": False}),
            "methods": methods,
        }
    )
