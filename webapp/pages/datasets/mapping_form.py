"""The form for the columns of an upload, and the form for the description of the resulting data set."""

import json
from collections.abc import Mapping as Fields
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from pydantic import ValidationError

from training.base_models import Frozen
from training.catalog.column_mapping import Labelled, Mapping, Pair, place_of, problems_of, template_of
from training.catalog.dataset_card import About
from training.catalog.datasets import MOST_CLASSES
from training.command_output import Column, Preview
from training.spec import describe

KINDS: dict[str, type[Frozen]] = {"labelled": Labelled, "pair": Pair}
TEXTS = ("text", "body", "sentence", "content", "comment", "prompt", "review")
LABELS = ("label", "labels", "target", "class", "y", "is_correct", "sentiment")
ONES = ("1", "true", "yes", "positive", "pos", "toxic", "spam", "correct", "good")
GUESSES = {"chosen": ("chosen", "preferred", "good", "better"), "rejected": ("rejected", "other", "bad", "worse")}
CLASSES_HELP = (
    "One class in each line, class 0 first: a value of the label, or a name and its values, as in good = 4 | 5. "
    'Put values with these signs in quotation marks: "a = b".'
)
PROMPTS = ("prompt", "question", "instruction", "context", "history", "query", "input")
"""Names of columns with the text that both replies of a pair answer."""
NO_LABEL = {"", "-1", "-100", "nan", "none", "null", "na", "n/a", "<na>", "nil"}
"""Values that mean a missing label."""
TEXT_TYPES = ("text", "string", "large_string")
GROUPS = ("group", "group_id", "prompt_id", "author", "user", "source_id")


@dataclass
class Input:
    """One field: ``choices`` are the options of a select, empty for text;

    ``lines`` is the height of a field for several values.
    """

    name: str
    title: str
    help: str
    value: str
    choices: list[tuple[str, str]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    lines: int = 0
    ticked: bool | None = None
    """The state of a checkbox; None for every other kind of field."""
    problems: list[str] = field(default_factory=list)


class MappingForm:
    """A form with the submitted values, or with guesses from the names and values of the columns."""

    def __init__(self, look: Preview, sent: QueryDict | Fields[str, str], stored: Mapping | None = None) -> None:
        self.look = look
        data = _texts(stored) if stored else {}
        # Browsers send line ends as \r\n, also in the name of a column.
        self.data: dict[str, str] = data | {name: str(value).replace("\r\n", "\n") for name, value in sent.items()}
        self.kind = self.data.get("kind") or ("pair" if self._guess("chosen") and self._guess("rejected") else "labelled")
        self.kind = self.kind if self.kind in KINDS else "labelled"
        self.problems: dict[str, list[str]] = {}

    def mapping(self) -> Mapping | None:
        """Return the mapping, or None with the problems at their fields."""
        content: dict[str, object] = {"kind": self.kind}
        names = {column.name for column in self.look.columns}
        for item in self.inputs:
            whole = item.value if item.value in names else item.value.replace("\\n", "\n")
            content[item.name] = whole or (None if item.name == "group" else "")
            if item.lines:
                content[item.name] = classes_of(item.value)
            if item.ticked is not None:
                content[item.name] = item.ticked
        try:
            return Mapping.model_validate(content)
        except ValidationError as error:
            for problem in problems_of(error):
                name, _, within = problem.path.partition(".")
                line = f"Class {within.partition('.')[0]}: " if within else ""
                self.problems.setdefault(name, []).append(line + problem.message)
            return None

    @property
    def general(self) -> list[str]:
        """Messages that belong to no field."""
        return self.problems.get("", [])

    @property
    def templates(self) -> list[str]:
        """The name of each column as a text field writes it."""
        return [template_of(column.name).replace("\n", "\\n") for column in self.look.columns]

    @property
    def inputs(self) -> list[Input]:
        names = [column.name for column in self.look.columns]
        inputs = []
        for name, info in KINDS[self.kind].model_fields.items():
            if name == "kind":
                continue
            item = Input(
                name, info.title or name, info.description or "", self._value(name), problems=self.problems.get(name, [])
            )
            if name == "label":
                item.choices = [(column, column) for column in names]
            elif name == "group":
                item.choices = [("", "the same words"), *((column, column) for column in names)]
            elif name == "classes":
                item.lines = min(12, max(3, len(item.value.splitlines()) + 1))
                item.help = CLASSES_HELP + self._seen()
            elif name == "skip":
                item.ticked = bool(item.value)
            else:
                item.columns = names
                item.value = item.value.replace("\n", "\\n")
            inputs.append(item)
        return inputs

    def _value(self, name: str) -> str:
        if name in self.data:
            return self.data[name]
        if name == "classes":
            return "\n".join(map(quoted, self._values()))
        if name == "skip":
            return "yes" if self._missing() and "classes" not in self.data else ""
        return self._guess(name)

    @property
    def label(self) -> Column | None:
        chosen = self.data.get("label") or self._guess("label")
        return next((column for column in self.look.columns if column.name == chosen), None)

    def _values(self) -> list[str]:
        """Return the label's values in a likely order: numbers by size, and of two values the one last that usually means 1."""
        values = [value for value in self._labels() if value not in self._missing()]
        try:
            return sorted(values, key=float)
        except ValueError:
            return sorted(values, key=lambda value: value.lower() in ONES) if len(values) == 2 else values

    def _labels(self) -> list[str]:
        return list(dict.fromkeys(map(str.strip, (self.label.values or ()) if self.label else ())))

    def _missing(self) -> list[str]:
        """Return the label's values that probably mean a missing label, if at least two others remain."""
        labels = self._labels()
        missing = [value for value in labels if value.lower() in NO_LABEL]
        return missing if len(labels) - len(missing) >= 2 else []

    def _seen(self) -> str:
        values = self._labels()
        seen = f" Values in the first {self.look.looked_at:,} rows: {', '.join(values)}." if values else ""
        return seen + (f" Treated as missing: {', '.join(missing)}." if (missing := self._missing()) else "")

    def _guess(self, name: str) -> str:
        wanted = {"text": TEXTS, "label": LABELS, "group": GROUPS, **GUESSES}.get(name, ())
        names = {column.name.lower(): column.name for column in self.look.columns}
        guess = next((names[candidate] for candidate in wanted if candidate in names), "")
        if name in GUESSES:
            return self._with_prompt(guess) if guess else ""
        if name == "group":
            return guess or (self._prompt() if self.kind == "pair" else "")
        if guess:
            return guess if name == "label" else template_of(guess)
        if name == "label":
            few = [column for column in self.look.columns if column.values and 2 <= len(column.values) <= MOST_CLASSES]
            return min(few, key=lambda column: len(column.values or ())).name if few else ""
        texts = [column for column in self.look.columns if column.type in TEXT_TYPES and column.values is None]
        # Previews of earlier versions have no lengths, so the first column is used.
        return template_of(max(texts, key=lambda column: column.length).name) if texts else ""

    def _prompt(self) -> str:
        names = {column.name.lower(): column.name for column in self.look.columns}
        return next((names[candidate] for candidate in PROMPTS if candidate in names), "")

    def _with_prompt(self, column: str) -> str:
        """Return the template of a reply after its prompt, unless the replies already begin with it."""
        prompt = self._prompt()
        if not prompt or prompt == column:
            return template_of(column)
        at, of = ([entry.name for entry in self.look.columns].index(name) for name in (column, prompt))
        begun = sum(bool(row[of].strip()) and row[at].lstrip().startswith(row[of].strip()) for row in self.look.rows)
        return template_of(column) if begun > len(self.look.rows) / 2 else f"{place_of(prompt)}\n\n{place_of(column)}"


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


def _texts(stored: Mapping) -> dict[str, str]:
    """Return a mapping as the values of the form."""
    texts = {name: value or "" for name, value in stored.root.model_dump(mode="json").items()}
    if isinstance(stored.root, Labelled):
        lines = [
            quoted(label.name)
            if label.values == (label.name,)
            else f"{quoted(label.name)} = {' | '.join(map(quoted, label.values))}"
            for label in stored.root.classes
        ]
        texts |= {"classes": "\n".join(lines), "skip": "yes" if stored.root.skip else ""}
    return texts


class AboutForm:
    """The description of a data set that only a person knows."""

    def __init__(self, sent: Fields[str, str]) -> None:
        self.data = {name: str(value).strip() for name, value in sent.items()}
        self.problems: dict[str, list[str]] = {}

    def about(self) -> About | None:
        content = {name: self.data.get(name, "") for name in About.model_fields}
        try:
            return About.model_validate(content)
        except ValidationError as error:
            for problem in describe(error.errors()):
                self.problems.setdefault(problem.path, []).append(problem.message)
            return None

    @property
    def inputs(self) -> list[Input]:
        return [
            Input(name, info.title or name, info.description or "", self.data.get(name, ""), problems=self.problems.get(name, []))
            for name, info in About.model_fields.items()
        ]
