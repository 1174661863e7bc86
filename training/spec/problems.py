"""Validation errors as paths of the specification and sentences for the user."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from training.spec.methods import METHOD_KINDS


@dataclass(frozen=True)
class Problem:
    """A problem of one field; ``path`` is dotted, such as methods.0.weight, and empty for the whole spec."""

    path: str
    message: str


def describe(errors: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Return pydantic's errors (``ValidationError.errors()``) as paths of the spec and sentences for the user."""
    problems = [(_path(error["loc"]), error) for error in errors]
    # A list with invalid entries is also reported as too short, since pydantic does not count them.
    wrong_inside = {
        path for path, error in problems if error["type"] == "too_short" and any(p.startswith(f"{path}.") for p, _ in problems)
    }
    return [Problem(path, _sentence(error)) for path, error in problems if path not in wrong_inside]


def _path(location: Iterable[int | str]) -> str:
    parts = [str(part) for part in location if part not in METHOD_KINDS]
    return ".".join(parts[2:] if parts[:2] == ["body", "spec"] else parts)


SENTENCES = {
    "missing": "This is needed.",
    "extra_forbidden": "This is not a setting.",
    "greater_than": "Must be greater than {gt:,.10g}.",
    "greater_than_equal": "Must be at least {ge:,.10g}.",
    "less_than": "Must be less than {lt:,.10g}.",
    "less_than_equal": "Must be at most {le:,.10g}.",
    "int_type": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "int_parsing_size": "Must be a whole number.",
    "int_from_float": "Must be a whole number.",
    "float_type": "Must be a number.",
    "float_parsing": "Must be a number.",
    "finite_number": "Must be a finite number.",
    "bool_type": "Must be true or false.",
    "bool_parsing": "Must be true or false.",
    "string_type": "Must be text.",
    "string_too_short": "Needs at least {least} {character}.",
    "string_too_long": "May have at most {max_length:,} characters.",
    "tuple_type": "Must be a list.",
    "model_type": "Must be a group of settings.",
    "model_attributes_type": "Must be a group of settings.",
    "too_short": "Needs at least {least} {entry}.",
    "too_long": "May have at most {max_length:,} entries.",
    "literal_error": "Must be {expected}.",
    "union_tag_invalid": "There is no kind “{tag}”. There are: {expected_tags}.",
    "union_tag_not_found": f"Needs a kind, one of: {', '.join(METHOD_KINDS)}.",
    "json_invalid": "This is not JSON: {error}.",
}
"""Sentences for types of pydantic's errors, filled with the error's context; other types keep pydantic's message."""


def _sentence(error: Mapping[str, Any]) -> str:
    context = {name: value.replace("'", "") if isinstance(value, str) else value for name, value in error.get("ctx", {}).items()}
    single = context.get("min_length") == 1
    context["least"] = "one" if single else context.get("min_length")
    context |= {"entry": "entry", "character": "character"} if single else {"entry": "entries", "character": "characters"}
    sentence = SENTENCES.get(error["type"])
    return sentence.format(**context) if sentence else str(error["msg"]).removeprefix("Value error, ")
