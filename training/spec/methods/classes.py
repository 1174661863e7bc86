"""Methods as they are with a number of classes: a threshold of guesses is one of two classes, or one of more."""

from training.spec.methods import Anchored, Confidence, Method

BALANCED = "balanced"


def for_classes(method: Method, classes: int) -> Method:
    """Return ``method`` with the threshold that it has for so many classes: balanced for more than two, and never for two.

    Runs of earlier versions have the most probable class as guess of more than two classes, by the name of the median.
    """
    if not isinstance(method, Confidence | Anchored):
        return method
    if classes > 2:
        return method.model_copy(update={"threshold": BALANCED})
    if method.threshold != BALANCED:
        return method
    return method.model_copy(update={"threshold": "prior" if isinstance(method, Confidence) else "median"})
