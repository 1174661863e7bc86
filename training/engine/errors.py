"""What can go wrong in a run in a way that a person can mend; every text is a sentence to show. Light: no torch."""


class EngineError(Exception):
    """A failure whose text says what is wrong and, where possible, what mends it."""


class CorruptModel(EngineError):
    """A file of a pretrained model is missing or is not the one that the catalog knows."""


class CorruptData(EngineError):
    """A data set is not the one that the run was planned for, or breaks the rules for labels, ids or groups."""


class TooLarge(EngineError):
    """Memory runs out even for a single text."""


class Diverged(EngineError):
    """The loss is no longer a finite number."""


class Killed(EngineError):
    """One of several processes was killed from outside, which is no fault of the run's."""


class Stopped(Exception):
    """Raised between two pieces of work once the run was asked to stop."""
