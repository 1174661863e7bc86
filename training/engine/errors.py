"""Errors of a run that the user can fix; every message is a sentence to show. Light: no torch."""


class EngineError(Exception):
    """A failure whose message states the cause and, where possible, the remedy."""


class CorruptModel(EngineError):
    """A file of a pretrained model is missing or differs from the one in the catalog."""


class CorruptData(EngineError):
    """A data set differs from the planned one, or breaks the rules for labels, ids or groups."""


class NoLabels(CorruptData):
    """Labels are asked of a generative data set, whose examples have written answers."""

    def __init__(self) -> None:
        super().__init__("This data set has written answers and no labels: what is asked for needs a data set with classes.")


class Unreachable(EngineError):
    """The Hub does not respond, or refuses requests for now: the same run may succeed later."""


class TooLarge(EngineError):
    """Memory runs out even for a single text."""


class Diverged(EngineError):
    """The loss or a prediction is no longer a finite number."""


class Killed(EngineError):
    """A process of the group was killed from outside, which is not an error of the run."""


class Stopped(Exception):
    """The run was requested to stop; raised between two parts of the computation."""
