"""The form of an experiment. What can be set, its limits and its words come from the spec; here is only how it is laid out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.http import QueryDict
from pydantic import BaseModel, ValidationError

from training import ExperimentSpec, catalog
from training.planning.plan import TooManyRuns, check_size
from training.spec import Problem, describe
from webapp.findings.wording import dataset_title, lower, short_model
from webapp.pages import fields
from webapp.pages.fields import Choice, Group, Leaf, Node, Raw, Rows
from webapp.parsing import whole

# Presentation, by path. A setting that is not named here gets a plain field in its own section.
HEAD = "name"
UNITS = {
    "data.test_fraction": "of all rows",
    "data.locked_fraction": "of all rows",
    "data.validation_fraction": "of each half",
    "data.limit": "rows, empty for all",
    "weak.lr": "empty for the recommended one",
    "strong.lr": "empty for the recommended one",
    "weak.max_tokens": "tokens",
    "strong.max_tokens": "tokens",
    "weak.batch_size": "examples",
    "strong.batch_size": "examples",
    "seeds": "repetitions",
}
SELDOM = (
    *("batch_size", "lr", "weight_decay", "schedule", "stop", "max_tokens"),
    *("lora_rank", "lora_alpha", "precision", "pooling", "head_start", "gradient_checkpointing"),
)
TUNING = {"probe": "Probe", "full": "Full", "lora": "LoRA"}
PRECISION = {"auto": "Auto", "fp32": "fp32", "bf16": "bf16", "fp16": "fp16"}
STOP = {"validation": "Best on validation", "last": "Last step"}
FOLDED = {f"{role}.{name}" for role in ("weak", "strong") for name in SELDOM}
FOLDED |= {"weak.errors", "data.split_seed", "data.limit", "data.locked_fraction", "data.validation_fraction", "keep_weights"}
HINT_FROM_DESCRIPTION = {"data.limit", "weak.lr", "strong.lr"}  # their unit says it all
OTHERS = {
    "weak.models": "Others by name: gpt2, pythia-70m, hub:ORG/NAME, or a folder.",
    "strong.models": "Others by name: gpt2-xl, qwen3-1.7b-base, hub:ORG/NAME, or a folder.",
}
"""What may be typed beside the boxes of a list that also takes values which are not on offer."""
POOLING = {"mean": "Mean", "cls": "First token"}
HEAD_START = {"zero": "At zero", "unembedding": "At the unembedding"}
ERRORS = {
    "own": "Its own",
    "random": "Random",
    "longest": "On the longest texts",
    "shortest": "On the shortest texts",
    "unsure": "Where the ceiling is unsure",
    "sure": "Where the ceiling is surely right",
}
HINTS = OTHERS | {"data.name": "The page Data sets fetches others and takes your own."}
CHOICES = {
    "weak.pooling": POOLING,
    "strong.pooling": POOLING,
    "weak.head_start": HEAD_START,
    "strong.head_start": HEAD_START,
    "weak.tuning": TUNING,
    "strong.tuning": TUNING,
    "weak.stop": STOP,
    "weak.errors": ERRORS,
    "strong.stop": STOP,
    "weak.precision": PRECISION,
    "strong.precision": PRECISION,
    "weak.models": {entry.name: short_model(entry.name) for entry in catalog.MODELS.values()},
    "strong.models": {entry.name: short_model(entry.name) for entry in catalog.MODELS.values()},
}


@dataclass
class Row:
    """One leaf on the page, with what was typed and what is to be said about it."""

    leaf: Leaf
    values: list[str]
    options: Sequence[tuple[str, str]] = ()
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    was: str | None = None
    """What the parent experiment has here, where that differs."""

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
        return OTHERS.get(self.leaf.path, "")

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
        said = "" if self.leaf.path in HINT_FROM_DESCRIPTION else self.leaf.description
        return f"{said} {HINTS.get(self.leaf.path, '')}".strip()

    @property
    def unit(self) -> str:
        return UNITS.get(self.leaf.path, "")

    @property
    def default(self) -> str:
        return fields.text_of(self.leaf.default)

    @property
    def set(self) -> bool:
        """Whether it differs from the spec's default."""
        if self.leaf.kind == "switch":
            return (self.value == "True") != bool(self.leaf.default)
        return self.leaf.kind != "many" and self.value != self.default

    @property
    def folded(self) -> bool:
        return self.leaf.path in FOLDED


@dataclass
class VariantRows:
    value: str
    description: str
    rows: list[Row]


@dataclass
class Block:
    """A row of a list: the select of its kind and the fields of every kind, of which the chosen one's are shown."""

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
        """Folded settings that are not at their default."""
        return sum(row.set for row in self.folded)

    @property
    def open(self) -> bool:
        return any(row.problems or row.warnings or row.was is not None for row in self.folded)


class SpecForm:
    """A spec as a form: built from a spec or from what a browser sent, judged by pydantic alone."""

    def __init__(self, raw: Raw, model: type[BaseModel] = ExperimentSpec, parent: BaseModel | None = None) -> None:
        self.model = model
        self.nodes = fields.nodes(model)
        self.parent_raw = None if parent is None else fields.write_all(fields.nodes(type(parent)), parent)
        for node in self._lists(self.nodes):
            raw = fields.renumber(node, raw)
        raw = raw | {
            leaf.name: _one_per_line(raw[leaf.name])
            for leaf in fields.leaves(self.nodes, raw)
            if leaf.path in OTHERS and leaf.name in raw
        }
        self.warnings: list[Problem] = []
        self.judge(raw)

    @classmethod
    def of(cls, spec: BaseModel, parent: BaseModel | None = None) -> "SpecForm":
        return cls(fields.write_all(fields.nodes(type(spec)), spec), type(spec), parent)

    @classmethod
    def sent(cls, post: QueryDict, parent: BaseModel | None = None) -> "SpecForm":
        return cls({name: [str(value) for value in post.getlist(name)] for name in post}, parent=parent)

    def judge(self, raw: Raw) -> None:
        self.raw = raw
        self.leaves = list(fields.leaves(self.nodes, raw))
        lists = list(self._lists(self.nodes))
        blocks = [node.row(index) for node in lists for index in node.indices(raw)]
        self.places = {leaf.spec_path for leaf in self.leaves} | {node.spec_path for node in [*lists, *blocks]}
        self.kinds = {node.spec_path: node.tag.spec_path for node in blocks if isinstance(node, Choice)}
        self.spec: BaseModel | None = None
        self.problems: list[Problem] = []
        try:
            spec = self.model.model_validate(fields.read_all(self.nodes, raw))
            if isinstance(spec, ExperimentSpec):
                check_size(spec)
            self.spec = spec
        except ValidationError as error:
            self.problems = describe([dict(one) for one in error.errors()])
        except TooManyRuns as error:
            self.problems = [Problem("seeds", str(error))]

    def add(self, path: str) -> None:
        """A further row of the list at ``path``, with the values of the last one."""
        node = self._list(path)
        count = len(node.indices(self.raw))
        raw = dict(self.raw)
        for leaf in fields.leaves((node.row(count),), raw):
            above = leaf.name.replace(f"{node.name}__{count}__", f"{node.name}__{count - 1}__", 1)
            raw[leaf.name] = list(raw.get(above, [fields.text_of(leaf.default)]))
        self.judge(raw)

    def remove(self, path: str) -> None:
        """Takes away one row; ``path`` is that of the row, such as methods.1."""
        name, _, index = path.rpartition(".")
        rows = next((node for node in self._lists(self.nodes) if node.path == name), None)
        if rows is not None and (number := whole(index)) is not None:
            self.judge(fields.renumber(rows, self.raw, leave_out=number))

    def _list(self, path: str) -> Rows:
        return next(node for node in self._lists(self.nodes) if node.path == path)

    def _lists(self, nodes: Sequence[Node]) -> Iterator[Rows]:
        for node in nodes:
            if isinstance(node, Rows):
                yield node
            elif isinstance(node, Group):
                yield from self._lists(node.children)

    # What the page shows.

    @property
    def rows(self) -> list[Row]:
        return [self.row(leaf) for leaf in self.leaves]

    @property
    def head(self) -> Row:
        return next(self.row(leaf) for leaf in self.leaves if leaf.path == HEAD)

    @property
    def constants(self) -> list[Row]:
        return [row for row in self.rows if row.widget == "constant"]

    @property
    def sections(self) -> list[Section]:
        """One for each nested model, and one for all that stands beside them."""
        found: list[Section] = []
        rest: list[Node] = []
        for node in self.nodes:
            if isinstance(node, Group):
                found.append(self._section(node.title, node.description, node.children))
            elif node.path != HEAD and not (isinstance(node, Leaf) and node.kind == "constant"):
                rest.append(node)
        titles = [node.title if index == 0 else lower(node.title) for index, node in enumerate(rest)]
        title = " and ".join(filter(None, [", ".join(titles[:-1]), *titles[-1:]]))
        return [*found, self._section(title, "", rest)] if rest else found

    def _section(self, title: str, note: str, nodes: Sequence[Node]) -> Section:
        plain = tuple(node for node in nodes if not isinstance(node, Rows))
        rows = [self.row(leaf) for leaf in fields.leaves(plain, self.raw)]
        said = note.partition(": ")[2] or note
        return Section(
            title=title,
            note=said[:1].upper() + said[1:],
            plain=[row for row in rows if not row.folded],
            folded=[row for row in rows if row.folded],
            lists=[self._blocks(node) for node in nodes if isinstance(node, Rows)],
        )

    def _blocks(self, node: Rows) -> Blocks:
        blocks = [self._block(index, node.row(index)) for index in node.indices(self.raw)]
        return Blocks(node, blocks, self._about(self.problems, node.spec_path))

    def _block(self, index: int, node: Node) -> Block:
        if not isinstance(node, Choice):  # a list of plain models: one variant without a name
            rows = [self.row(leaf) for leaf in fields.leaves((node,), self.raw)]
            return Block(index, None, [VariantRows("", "", rows)], self._about(self.problems, node.spec_path))
        kind = self.row(node.tag)
        kind.options = [(one.value, one.title) for one in node.variants]
        variants = [
            VariantRows(one.value, one.description, [self.row(leaf) for leaf in fields.leaves(one.fields, self.raw)])
            for one in node.variants
        ]
        return Block(index, kind, variants, [])

    def row(self, leaf: Leaf) -> Row:
        values = self.raw.get(leaf.name, [])
        counts = leaf.counts(self.raw)
        return Row(
            leaf=leaf,
            values=values,
            options=options_of(leaf, values),
            problems=self._about(self.problems, leaf.spec_path) if counts else [],
            warnings=self._about(self.warnings, leaf.spec_path) if counts else [],
            was=self._was(leaf, values) if counts else None,
        )

    def _about(self, problems: list[Problem], path: str) -> list[str]:
        """What is said of ``path``, or of something below it that has no field of its own."""
        return [problem.message for problem in problems if self._home(problem.path) == path]

    def _home(self, path: str) -> str:
        """The nearest place on the page for a message about ``path``; empty for the head of the form.

        A message about a whole method stands at the select of its kind.
        """
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        return self.kinds.get(path, path)

    @property
    def general(self) -> list[str]:
        """Messages that belong to no field."""
        return self._about(self.problems, "") + self._about(self.warnings, "")

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """Title and id of every place with a problem, each once."""
        titles = {node.spec_path: (node.title, f"rows-{node.name}") for node in self._lists(self.nodes)}
        titles |= {leaf.spec_path: (leaf.title, leaf.name) for leaf in self.leaves if leaf.counts(self.raw)}
        homes = dict.fromkeys(self._home(problem.path) for problem in self.problems)
        return [titles.get(home) or titles.get(home.rpartition(".")[0]) or ("the whole", "experiment") for home in homes]

    def _was(self, leaf: Leaf, values: list[str]) -> str | None:
        if self.parent_raw is None or leaf.path == HEAD:
            return None
        if leaf.kind == "switch":
            was = leaf.name in self.parent_raw
            return None if was == ("True" in values) else ("yes" if was else "no")
        before = self.parent_raw.get(leaf.name)
        if before is None:
            return "not there" if leaf.when is None else None
        if set(before) == set(values):
            return None
        titles = dict(options_of(leaf, before))
        return ", ".join(titles.get(value, value) for value in before if value) or "empty"


def _one_per_line(values: list[str]) -> list[str]:
    """Ticked and typed values as one list: what a text field sends is one value with a name in each line."""
    return [line.strip() for value in values for line in value.splitlines() if line.strip()]


def choices_of(leaf: Leaf) -> dict[str, str]:
    """Values and titles; those of the data set are read anew each time, since the shelf grows."""
    if leaf.path == "data.name":
        return {name: dataset_title(name) for name in catalog.ready_datasets()}
    return CHOICES.get(leaf.path) or {str(choice): str(choice).capitalize() for choice in leaf.choices}


def options_of(leaf: Leaf, values: list[str]) -> list[tuple[str, str]]:
    """Values and titles to choose from, in the order of the catalog unless ``values`` has them in another one."""
    named = choices_of(leaf)
    places = [list(named).index(value) for value in values if value in named]
    if places != sorted(places):
        named = {value: named[value] for value in [*values, *named] if value in named}
    return list(named.items())
