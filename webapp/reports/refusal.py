class Refused(ValueError):
    """Why there is no result page, as a sentence."""
