"""Names of the cells in which test examples are counted: by supervisor, student and ceiling, each right or wrong.

Pages, charts, shares and the API use these names. The fields of stored results (``Transitions``) have their own names.
"""

BOTH_RIGHT = "both right"
NEW_ERROR = "new error"
CORRECTED = "corrected"
COPIED_ERROR = "copied error"
"""Both wrong with the same label or answer; with two classes every error of both."""

OTHER_ERROR = "another error"
"""Both wrong with different labels or answers."""

BOTH_WRONG = "both wrong"
"""Both of them together, with more than two classes and with written answers."""

READINGS = {6: "beyond the ceiling", 7: "the ceiling knows it, the student does not show it"}
"""Interpretations of two of the eight cells, beside their names."""


def four_cells(classes: int | None) -> tuple[str, str, str, str]:
    """Return the cells by supervisor right or wrong, then student right or wrong; ``classes`` is None for written answers."""
    return BOTH_RIGHT, NEW_ERROR, CORRECTED, COPIED_ERROR if classes == 2 else BOTH_WRONG


def eight_cells(classes: int | None) -> dict[int, str]:
    """Return the cells by number: 1 + 4 (supervisor wrong) + 2 (student wrong) + 1 (ceiling wrong)."""
    names = (f"{name}, ceiling {verdict}" for name in four_cells(classes) for verdict in ("right", "wrong"))
    return dict(enumerate(names, 1))


def numbered(classes: int = 2) -> str:
    """Return all eight in one sentence, for descriptions of numbers."""
    return "; ".join(f"{number} {name}" for number, name in eight_cells(classes).items())
