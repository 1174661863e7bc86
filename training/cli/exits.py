"""How a command ends: exit codes, and what stands for input that cannot be read."""

DONE, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 75
"""Exit codes. 75 is the system's EX_TEMPFAIL: try again later, and the run goes on from its checkpoint."""


class BadInput(Exception):
    """What was asked for cannot be read; every line of the text is one problem."""
