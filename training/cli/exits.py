"""Exit codes of commands, and the exception for input that cannot be read."""

DONE, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 75
"""Exit codes. 75 is EX_TEMPFAIL: when started again, the run resumes from its checkpoint."""


class BadInput(Exception):
    """Unreadable input of a command; every line of the message is one problem."""
