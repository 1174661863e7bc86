"""The progress of a command, on one line of a terminal; nothing where the output is a file."""

from django.core.management.base import OutputWrapper


class Progress:
    """A callback with a phase, the amount done and the total, as a context manager that ends with an empty line."""

    def __init__(self, output: OutputWrapper) -> None:
        self._output, self._shown = output, ""

    def __enter__(self) -> "Progress":
        return self

    def __call__(self, phase: str, done: int, total: int) -> None:
        line = f"{phase}: {100 * done // max(1, total)} %"
        if line != self._shown and self._output.isatty():
            self._output.write(f"\r{line:<60}", ending="")
            self._output.flush()
            self._shown = line

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._output.write(f"\r{'':<60}\r", ending="")
