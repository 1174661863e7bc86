"""The form for the columns of an upload."""

from collections.abc import Mapping as Fields
from dataclasses import dataclass, field

from django.http import QueryDict
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from training.answers import EXTRACTS, AnswerRule
from training.catalog.column_mapping import (
    Answered,
    Mapping,
    columns_of,
    place_of,
    problems_of,
    template_of,
)
from training.catalog.datasets import MOST_CLASSES
from training.command_output import Column, Preview
from webapp.pages.datasets import features_form
from webapp.pages.datasets.mapping_texts import KINDS, classes_of, guessed_rule, lines_of, quoted, texts_of

TEXTS = ("text", "body", "sentence", "content", "comment", "prompt", "review")
LABELS = ("label", "labels", "target", "class", "y", "is_correct", "sentiment", "folder")
ONES = ("1", "true", "yes", "positive", "pos", "toxic", "spam", "correct", "good")
ANSWERS = ("answer", "answers", "completion", "response", "solution", "best_move")
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
DIFFICULTIES = ("difficulty", "rating", "level", "elo")
OPTIONAL = ("group", "difficulty", "separator", "pattern", "names", "id", "split", "test_rows")
"""Fields of which an empty value is none at all."""
KEEP_HELP = "One column in each line: kept by its name and shown with an example."
LONGEST_SHOWN = 400
"""Characters after which the preview cuts a value."""
GROUPS = ("group", "group_id", "prompt_id", "author", "user", "source_id")


@dataclass
class Input:
    """One field: ``choices`` are the options of a select, empty for text; ``lines`` is the height of one for several values."""

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
        self.look, self.has_features = look, features_form.is_bundle(look)
        data = texts_of(stored) if stored else {}
        # Browsers send line ends as \r\n, also in the name of a column.
        self.data: dict[str, str] = data | {name: str(value).replace("\r\n", "\n") for name, value in sent.items()}
        self.kind = self.data.get("kind") or self._guessed_kind()
        self.kind = self.kind if self.kind in KINDS else "labelled"
        self.problems: dict[str, list[str]] = {}

    def mapping(self) -> Mapping | None:
        """Return the mapping, or None with the problems at their fields."""
        content: dict[str, object] = {"kind": self.kind}
        names = {column.name for column in self.look.columns}
        for item in self.inputs:
            template = item.columns and item.value not in names
            whole = item.value.replace("\\n", "\n") if template else item.value
            content[item.name] = whole or (None if item.name in OPTIONAL else "")
            if item.lines:
                content[item.name] = classes_of(item.value) if item.name == "classes" else lines_of(item.value)
            if item.ticked is not None:
                content[item.name] = item.ticked
        if self.kind == "answers":
            content["rule"] = {name: content.pop(name) for name in AnswerRule.model_fields}
        try:
            mapping = Mapping.model_validate(content)
        except ValidationError as error:
            for problem in problems_of(error):
                name, _, within = problem.path.removeprefix("rule.").partition(".")
                line = f"Class {within.partition('.')[0]}: " if within and name == "classes" else ""
                self.problems.setdefault(name, []).append(line + problem.message)
            return None
        if self._lacks_columns(mapping) or (isinstance(mapping.root, Answered) and self._finds_nothing(mapping.root)):
            return None
        return mapping

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
        for name, info in self._fields().items():
            item = Input(
                name, info.title or name, info.description or "", self._value(name), problems=self.problems.get(name, [])
            )
            if name in ("skip", "skip_broken"):
                item.ticked = bool(item.value)
            elif self.kind == "features":
                item.choices = features_form.choices(self.look, name)
                item.lines = 0 if item.choices else max(2, len(item.value.splitlines()) + 1)
            elif name == "image":
                item.choices = [(column, column) for column in self._image_columns()]
            elif name == "label":
                item.choices = [(column, column) for column in names]
            elif name == "group":
                item.choices = [
                    ("", "the same pixels" if self.kind == "image" else "the same words"),
                    *((column, column) for column in names),
                ]
            elif name == "answers":
                item.choices = [(column, column) for column in names]
            elif name == "difficulty":
                item.choices = [("", "none"), *((column, column) for column in names)]
            elif name == "extract":
                item.choices = list(EXTRACTS.items())
            elif name == "keep":
                item.lines, item.help = max(2, len(item.value.splitlines()) + 1), KEEP_HELP
            elif name == "split":
                item.choices = [("", "drawn"), *((column, column) for column in names)]
            elif name in ("separator", "pattern", "longest", "test_rows", "test_seed"):
                pass
            elif name == "classes":
                item.lines = min(12, max(3, len(item.value.splitlines()) + 1))
                item.help = CLASSES_HELP + self._seen()
            else:
                item.columns = names
                item.value = item.value.replace("\n", "\\n")
            inputs.append(item)
        return inputs

    def _value(self, name: str) -> str:
        if name in self.data:
            return self.data[name]
        if self.kind == "features":
            return features_form.guess(self.look, name)
        if name == "classes":
            return "\n".join(self._named_values())
        if name == "skip":
            return "yes" if self._missing() and "classes" not in self.data and self.kind in ("labelled", "image") else ""
        if name == "extract":
            return guessed_rule(self._first_values(self.data.get("answers") or self._guess("answers")))
        if name == "test_seed":
            return "0"
        if name in ("separator", "pattern", "keep", "skip_broken", "split", "test_rows"):
            return ""
        if name == "image":
            return next(iter(self._image_columns()), "")
        if name == "longest":
            return str(Answered.model_fields["longest"].default)
        return self._guess(name)

    def _fields(self) -> dict[str, FieldInfo]:
        """Return the fields of the mapping's kind; those of a rule stand in its place."""
        fields: dict[str, FieldInfo] = {}
        for name, info in KINDS[self.kind].model_fields.items():
            if name == "rule":
                fields |= AnswerRule.model_fields
            elif name != "kind":
                fields[name] = info
        return fields

    def _image_columns(self) -> list[str]:
        return [column.name for column in self.look.columns if column.type == "image"]

    def _named_values(self) -> list[str]:
        """Return the lines of the classes: the label's values, with the names that the file declares for 0, 1, …"""
        names = self.label.names if self.label else ()
        return [f"{quoted(name)} = {number}" for number, name in enumerate(names)] or list(map(quoted, self._values()))

    def _guessed_kind(self) -> str:
        if self.has_features:
            return "features"
        if self._image_columns():
            return "image"
        if self._guess("chosen") and self._guess("rejected"):
            return "pair"
        names = {column.name.lower() for column in self.look.columns}
        return (
            "answers"
            if names.intersection(ANSWERS) and names.intersection(PROMPTS) and not names.intersection(LABELS)
            else "labelled"
        )

    def _first_values(self, column: str) -> list[str]:
        """Return the values of a column in the preview that are neither empty, cut, nor lists."""
        names = [entry.name for entry in self.look.columns]
        values = [row[names.index(column)] for row in self.look.rows] if column in names else []
        return [value for value in values if value.strip() and len(value) < LONGEST_SHOWN and not value.startswith("[")]

    def _lacks_columns(self, mapping: Mapping) -> bool:
        """Return whether a field names a column that the file does not have, and say so there."""
        names = [column.name for column in self.look.columns]
        for item in self.inputs:
            value = getattr(mapping.root, item.name, None) or ()
            named = columns_of(str(value)) if item.columns else value if item.name in ("keep", "arrays") else ()
            if missing := [column for column in named if column not in names]:
                message = f"There is no column “{missing[0]}”. There are: {', '.join(names)}."
                self.problems.setdefault(item.name, []).append(message)
        return bool(self.problems)

    def _finds_nothing(self, mapping: Answered) -> bool:
        """Return whether the rule finds no answer in any of the first rows, and say so at its field."""
        values = self._first_values(mapping.answers)
        if not values or any(mapping.rule.answer(value) is not None for value in values):
            return False
        name = "pattern" if mapping.rule.pattern else "extract"
        message = f"Nothing is found in any of the first {len(values)} answers, such as “{values[0][:60]}”."
        self.problems.setdefault(name, []).append(message)
        return True

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
        wanted = {
            "text": TEXTS,
            "label": LABELS,
            "group": GROUPS,
            "prompt": PROMPTS,
            "answers": ANSWERS,
            "difficulty": DIFFICULTIES,
            **GUESSES,
        }.get(name, ())
        names = {column.name.lower(): column.name for column in self.look.columns}
        guess = next((names[candidate] for candidate in wanted if candidate in names), "")
        if name in GUESSES:
            return self._with_prompt(guess) if guess else ""
        if name == "group":
            return guess or (self._prompt() if self.kind == "pair" else "")
        if name in ("answers", "difficulty"):
            return guess or (self.look.columns[-1].name if name == "answers" and self.look.columns else "")
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
