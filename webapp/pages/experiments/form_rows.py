"""The parts of the form of an experiment as its page shows them: sections, rows, and the blocks of a list."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from training.catalog.bundles import array_of
from webapp.pages import form_data
from webapp.pages.experiments import form_options
from webapp.pages.fields import Leaf, Rows


@dataclass
class Row:
    """A setting on the page, with the entered values, the values on offer and the messages about it."""

    leaf: Leaf
    values: list[str]
    options: Sequence[tuple[str, str]] = ()
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    was: str | None = None
    """The value of the parent experiment, if it is a different one."""

    @property
    def value(self) -> str:
        return self.values[-1] if self.values else ""

    @property
    def title(self) -> str:
        return self.leaf.title

    @property
    def shown(self) -> str:
        """The value in words."""
        if self.leaf.kind == "switch":
            return "yes" if self.value == "True" else "no"
        titles = dict(self.options)
        return ", ".join(titles.get(value, value) for value in self.values)

    @property
    def widget(self) -> str:
        if self.leaf.kind in ("constant", "switch"):
            return self.leaf.kind
        if self.leaf.kind == "many":
            return "picks" if self.options else "line"
        return "select" if self.options else "field"

    @property
    def option_values(self) -> list[str]:
        return [value for value, _ in self.options]

    @property
    def others_hint(self) -> str:
        """A hint for values that are not on offer and may be typed; empty where they may not."""
        return self.leaf.setting.hint if self.widget == "picks" and not self.of_bundle else ""

    @property
    def of_bundle(self) -> bool:
        """Return whether the values on offer are the arrays of a feature bundle, which has no others."""
        of_models = self.leaf.setting.catalog in ("models", "supervisors")
        return of_models and any(array_of(value) is not None for value in self.option_values)

    @property
    def others(self) -> str:
        """The values that are not on offer, as they were typed."""
        return "\n".join(value for value in self.values if value not in self.option_values)

    @property
    def others_rows(self) -> int:
        return max(1, self.others.count("\n") + 1)

    @property
    def short(self) -> bool:
        return self.leaf.kind in ("integer", "number")

    @property
    def hint(self) -> str:
        setting = self.leaf.setting
        description = "" if setting.unit_explains else self.leaf.description
        return " ".join(
            filter(None, [description, "" if self.of_bundle else setting.hint, form_options.HINTS.get(setting.catalog)])
        )

    @property
    def unit(self) -> str:
        return self.leaf.setting.unit

    @property
    def default(self) -> str:
        return form_data.text_of(self.leaf.default)

    @property
    def set(self) -> bool:
        """Return whether the value differs from the default of the spec."""
        if self.leaf.kind == "switch":
            return (self.value == "True") != bool(self.leaf.default)
        return self.leaf.kind != "many" and self.value != self.default

    @property
    def folded(self) -> bool:
        return self.leaf.setting.group == "further"


@dataclass
class VariantRows:
    value: str
    description: str
    rows: list[Row]


@dataclass
class Block:
    """An item of a list: the select of its kind, and the fields of every kind. The page shows those of the chosen kind."""

    index: int
    kind: Row | None
    variants: list[VariantRows]
    problems: list[str]


@dataclass
class Blocks:
    node: Rows
    blocks: list[Block]
    problems: list[str]


@dataclass
class Section:
    title: str
    note: str
    plain: list[Row]
    folded: list[Row]
    lists: list[Blocks]

    @property
    def changed(self) -> int:
        """Return the number of folded settings that are not at their default."""
        return sum(row.set for row in self.folded)

    @property
    def open(self) -> bool:
        return any(row.problems or row.warnings or row.was is not None for row in self.folded)
