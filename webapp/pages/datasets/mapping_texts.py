"""The classes and columns of a mapping as lines of a text, and a whole mapping as the texts of its form."""

import json
from typing import Any

from training.answers import AnswerRule, Extract
from training.base_models import Frozen
from training.catalog.column_mapping import Answered, Features, Labelled, Mapping, Pair, Pictured

KINDS: dict[str, type[Frozen]] = {
    "labelled": Labelled,
    "pair": Pair,
    "answers": Answered,
    "features": Features,
    "image": Pictured,
}


def lines_of(text: str) -> list[str]:
    return list(filter(None, map(str.strip, text.split("\n"))))


def classes_of(text: str) -> list[dict[str, Any]]:
    """Return the classes from the lines of the form: a value that is its own name, or ``name = value | other value``."""
    classes = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, equals, rest = _first(line, " = ")
        values = []
        while rest:
            value, _, rest = _first(rest, "|")
            values += [value] if value else []
        classes.append({"name": name, "values": values if equals else [name]})
    return classes


def _first(line: str, sign: str) -> tuple[str, bool, str]:
    """Return the text before ``sign``, whether the sign is there, and the text after it. Text in quotation marks has no signs."""
    if line.startswith('"'):
        try:
            value, end = json.JSONDecoder().raw_decode(line)
        except ValueError:
            end = 0
        rest = line[end:].strip()
        if end and (not rest or rest.startswith(sign.strip())):
            return str(value), bool(rest), rest[1:].strip()
    before, present, rest = f"{line} ".partition(sign)
    return before.strip(), bool(present), rest.strip()


def quoted(value: str) -> str:
    """Return a name or value as a line of the form, in quotation marks if it would otherwise be misread."""
    plain = value == value.strip() and not any(sign in value for sign in (" =", "|")) and not value.startswith('"')
    if plain and value.splitlines() == [value]:
        return value
    return json.dumps(value, ensure_ascii=len(value.splitlines()) > 1)


def texts_of(stored: Mapping) -> dict[str, str]:
    """Return a mapping as the values of the form."""
    content = stored.root.model_dump(mode="json")
    texts = {name: value or "" for name, value in (content | content.pop("rule", {})).items()}
    if isinstance(stored.root, Features):
        texts |= {"arrays": "\n".join(stored.root.arrays), "skip": "yes" if stored.root.skip else ""}
    if isinstance(stored.root, Answered):
        texts |= {
            "keep": "\n".join(stored.root.keep),
            "longest": str(stored.root.longest),
            "skip": "yes" if stored.root.skip else "",
        }
    if isinstance(stored.root, Labelled | Pictured):
        lines = [
            quoted(label.name)
            if label.values == (label.name,)
            else f"{quoted(label.name)} = {' | '.join(map(quoted, label.values))}"
            for label in stored.root.classes
        ]
        texts |= {"classes": "\n".join(lines), "skip": "yes" if stored.root.skip else ""}
    if isinstance(stored.root, Pictured):
        texts |= {
            "skip_broken": "yes" if stored.root.skip_broken else "",
            "test_rows": str(stored.root.test_rows or ""),
            "test_seed": str(stored.root.test_seed),
        }
    return texts


def guessed_rule(values: list[str]) -> Extract:
    """Return the likely rule for these reference answers."""
    if values and all(len(value.strip()) == 1 and value.strip().isalpha() for value in values):
        return "letter"
    number = AnswerRule(extract="number")
    return "number" if values and all(number.answer(value) for value in values) else "line"
