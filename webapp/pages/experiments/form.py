"""The form of an experiment. Settings, limits and texts come from the spec; this module validates them and lays them out."""

from collections.abc import Iterator, Sequence

from django.http import QueryDict
from pydantic import BaseModel, ValidationError

from training import ExperimentSpec
from training.planning.plan import TooManyRuns, check_size
from training.spec import Problem, describe
from webapp.findings.wording import lower
from webapp.pages import fields, form_data
from webapp.pages.experiments.form_models import dataset_of, fitting
from webapp.pages.experiments.form_options import options_of
from webapp.pages.experiments.form_rows import Block, Blocks, Row, Section, VariantRows
from webapp.pages.fields import Choice, Group, Leaf, Node, Raw, Rows
from webapp.parsing import whole


class SpecForm:
    """A spec as a form: built from a spec or from the values that a browser sent, and validated by pydantic alone."""

    def __init__(self, raw: Raw, model: type[BaseModel] = ExperimentSpec, parent: BaseModel | None = None) -> None:
        self.model = model
        self.nodes = fields.nodes(model)
        self.parent_raw = None if parent is None else form_data.write_all(fields.nodes(type(parent)), parent)
        for node in self._lists(self.nodes):
            raw = form_data.renumber(node, raw)
        raw = raw | {
            leaf.name: _split_lines(raw[leaf.name])
            for leaf in fields.leaves(self.nodes, raw)
            if leaf.kind == "many" and leaf.name in raw
        }
        self.warnings: list[Problem] = []
        self.refitted = False  # whether models were replaced, as the data set is of another kind
        self.judge(raw)

    @classmethod
    def of(cls, spec: BaseModel, parent: BaseModel | None = None) -> "SpecForm":
        return cls(form_data.write_all(fields.nodes(type(spec)), spec), type(spec), parent)

    @classmethod
    def sent(cls, post: QueryDict, parent: BaseModel | None = None) -> "SpecForm":
        sent = {name: [str(value) for value in post.getlist(name)] for name in post}
        form = cls(fitted := fitting(sent), parent=parent)
        form.refitted = fitted != sent
        return form

    def judge(self, raw: Raw) -> None:
        """Validate ``raw``, which becomes the content of the form."""
        self.raw = raw
        self.leaves = list(fields.leaves(self.nodes, raw))
        lists = list(self._lists(self.nodes))
        blocks = [node.row(index) for node in lists for index in node.indices(raw)]
        self.places = {leaf.spec_path for leaf in self.leaves} | {node.spec_path for node in [*lists, *blocks]}
        self.kinds = {node.spec_path: node.tag.spec_path for node in blocks if isinstance(node, Choice)}
        self.spec: BaseModel | None = None
        self.problems: list[Problem] = []
        try:
            spec = self.model.model_validate(form_data.read_all(self.nodes, raw))
            if isinstance(spec, ExperimentSpec):
                check_size(spec)
            self.spec = spec
        except ValidationError as error:
            self.problems = describe([dict(details) for details in error.errors()])
        except TooManyRuns as error:
            self.problems = [Problem("seeds", str(error))]

    def add(self, path: str) -> None:
        """Add a row to the list at ``path``, with the values of the last one."""
        node = next(node for node in self._lists(self.nodes) if node.path == path)
        count = len(node.indices(self.raw))
        raw = dict(self.raw)
        for leaf in fields.leaves((node.row(count),), raw):
            above = leaf.name.replace(f"{node.name}__{count}__", f"{node.name}__{count - 1}__", 1)
            raw[leaf.name] = list(raw.get(above, [form_data.text_of(leaf.default)]))
        self.judge(raw)

    def remove(self, path: str) -> None:
        """Remove the row at ``path``, such as methods.1."""
        name, _, index = path.rpartition(".")
        rows = next((node for node in self._lists(self.nodes) if node.path == name), None)
        if rows is not None and (number := whole(index)) is not None:
            self.judge(form_data.renumber(rows, self.raw, leave_out=number))

    def _lists(self, nodes: Sequence[Node]) -> Iterator[Rows]:
        for node in nodes:
            if isinstance(node, Rows):
                yield node
            elif isinstance(node, Group):
                yield from self._lists(node.children)

    @property
    def rows(self) -> list[Row]:
        return [self.row(leaf) for leaf in self.leaves]

    @property
    def head(self) -> Row:
        return next(self.row(leaf) for leaf in self.leaves if leaf.setting.group == "head")

    @property
    def replaced(self) -> list[Row]:
        """Return the rows whose values were replaced, as they depend on the data set."""
        return [row for row in self.rows if self.refitted and row.leaf.setting.catalog in ("models", "supervisors")]

    @property
    def helped(self) -> list[Row]:
        """Return the rows whose messages are renewed while the form is edited."""
        replaced = {row.leaf.name for row in self.replaced}
        return [row for row in self.rows if row.widget != "constant" and row.leaf.name not in replaced]

    @property
    def constants(self) -> list[Row]:
        return [row for row in self.rows if row.widget == "constant"]

    @property
    def sections(self) -> list[Section]:
        """Return a section for each nested model, and one for the settings beside them."""
        groups = [node for node in self.nodes if isinstance(node, Group)]
        rest = [node for node in self.nodes if isinstance(node, Choice | Rows) or (isinstance(node, Leaf) and _in_section(node))]
        sections = [self._section(node.title, node.description, node.children) for node in groups]
        if rest:
            shown = [node.title for node in rest if not (isinstance(node, Leaf) and node.setting.group == "further")]
            titles = [title if index == 0 else lower(title) for index, title in enumerate(shown)]
            sections.append(self._section(" and ".join(filter(None, [", ".join(titles[:-1]), *titles[-1:]])), "", rest))
        return sections

    def _section(self, title: str, note: str, nodes: Sequence[Node]) -> Section:
        plain = tuple(node for node in nodes if not isinstance(node, Rows))
        rows = [self.row(leaf) for leaf in fields.leaves(plain, self.raw)]
        text = note.partition(": ")[2] or note
        return Section(
            title=title,
            note=text[:1].upper() + text[1:],
            plain=[row for row in rows if not row.folded],
            folded=[row for row in rows if row.folded],
            lists=[self._blocks(node) for node in nodes if isinstance(node, Rows)],
        )

    def _blocks(self, node: Rows) -> Blocks:
        blocks = [self._block(index, node.row(index)) for index in node.indices(self.raw)]
        return Blocks(node, blocks, self._messages(self.problems, node.spec_path))

    def _block(self, index: int, node: Node) -> Block:
        if not isinstance(node, Choice):  # a list of plain models: one variant without a name
            rows = [self.row(leaf) for leaf in fields.leaves((node,), self.raw)]
            return Block(index, None, [VariantRows("", "", rows)], self._messages(self.problems, node.spec_path))
        kind = self.row(node.tag)
        kind.options = [(variant.value, variant.title) for variant in node.variants]
        variants = [
            VariantRows(variant.value, variant.description, [self.row(leaf) for leaf in fields.leaves(variant.fields, self.raw)])
            for variant in node.variants
        ]
        return Block(index, kind, variants, [])

    def row(self, leaf: Leaf) -> Row:
        values = self.raw.get(leaf.name, [])
        counts = leaf.counts(self.raw)
        return Row(
            leaf=leaf,
            values=values,
            options=options_of(leaf, values, dataset_of(self.raw)),
            problems=self._messages(self.problems, leaf.spec_path) if counts else [],
            warnings=self._messages(self.warnings, leaf.spec_path) if counts else [],
            was=self._parent_value(leaf, values) if counts else None,
        )

    def _messages(self, problems: list[Problem], path: str) -> list[str]:
        """Return the messages about ``path``, or about something below it that has no field of its own."""
        return [problem.message for problem in problems if self._place(problem.path) == path]

    def _place(self, path: str) -> str:
        """Return the nearest path on the page for a message about ``path``; empty for the head of the form.

        A message about a whole method is at the select of its kind.
        """
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        return self.kinds.get(path, path)

    @property
    def general(self) -> list[str]:
        """Return the messages that belong to no field."""
        return self._messages(self.problems, "") + self._messages(self.warnings, "")

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """Return title and id of every place with a problem, each once."""
        titles = {node.spec_path: (node.title, f"rows-{node.name}") for node in self._lists(self.nodes)}
        titles |= {leaf.spec_path: (leaf.title, leaf.name) for leaf in self.leaves if leaf.counts(self.raw)}
        places = dict.fromkeys(self._place(problem.path) for problem in self.problems)
        return [titles.get(path) or titles.get(path.rpartition(".")[0]) or ("the whole", "experiment") for path in places]

    def _parent_value(self, leaf: Leaf, values: list[str]) -> str | None:
        """Return the value of the parent experiment in words, or None if it is the same one."""
        if self.parent_raw is None or leaf.setting.group == "head":
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


def _in_section(leaf: Leaf) -> bool:
    return leaf.setting.group != "head" and leaf.kind != "constant"


def _split_lines(values: list[str]) -> list[str]:
    """Return ticked and typed values as one list: a text field sends one value with a name in each line."""
    return [line.strip() for value in values for line in value.splitlines() if line.strip()]
