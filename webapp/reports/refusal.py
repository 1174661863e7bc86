class Refused(ValueError):
    """The reason why there is no report, as a sentence."""
