"""The fields of the form for a feature bundle: guesses from the names of its arrays, and what each select offers."""

from training.command_output import VECTOR, Preview

GUESSES = {
    "truth": ("truth", "y", "label", "labels", "target", "class"),
    "names": ("names", "classes", "class_names"),
    "id": ("id", "ids", "name", "file", "filename"),
    "group": ("group", "groups", "group_id"),
    "split": ("split", "part"),
}
EMPTY = {"names": "the values of the truth", "id": "the number of the row", "group": "equal features", "split": "drawn here"}
"""Titles of an empty choice."""


def is_bundle(look: Preview) -> bool:
    return any(column.type.startswith(VECTOR) for column in look.columns)


def guess(look: Preview, name: str) -> str:
    """Return the likely value of a field of the form."""
    if name == "arrays":
        vectors = [column.name for column in look.columns if column.type.startswith(VECTOR)]
        return "\n".join([vector for vector in vectors if vector[:1] in "Xx"] or vectors)
    known = {column.name.lower(): column.name for column in look.columns}
    return next((known[candidate] for candidate in GUESSES.get(name, ()) if candidate in known), "")


def choices(look: Preview, name: str) -> list[tuple[str, str]]:
    """Return the options of a select; none for a field of lines or a checkbox."""
    if name not in GUESSES:
        return []
    columns = [(column.name, column.name) for column in look.columns if not column.type.startswith(VECTOR)]
    return [("", EMPTY[name]), *columns] if name in EMPTY else columns
