"""The leaves of a pydantic model as form fields: a new setting reaches the form by being written in the spec.

Three shapes of one thing meet here: ``spec`` (the model), ``raw`` (what a browser sends: strings by name) and ``data`` (nested
values for pydantic to judge). ``write`` turns a spec into raw, ``read`` turns raw into data. Nothing is judged here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from webapp.parsing import whole

Raw = dict[str, list[str]]
Kind = Literal["text", "integer", "number", "switch", "choice", "many", "constant"]


@dataclass(frozen=True)
class Leaf:
    """One value. ``path`` is dotted and tells variants of a union apart; ``spec_path`` is the path that pydantic knows."""

    path: str
    spec_path: str
    title: str
    description: str
    kind: Kind
    optional: bool
    default: Any
    choices: tuple[Any, ...]
    """The values of a Literal or the tags of a union, as the spec has them."""
    limits: Mapping[str, Any]
    when: tuple[str, str] | None = None
    """Name of the select and the value that it must have for this field to count; None for one that always counts."""

    def counts(self, raw: Raw) -> bool:
        return self.when is None or raw.get(self.when[0], [""])[-1] == self.when[1]

    @property
    def name(self) -> str:
        return self.path.replace(".", "__")


@dataclass(frozen=True)
class Group:
    """A nested model."""

    path: str
    spec_path: str
    title: str
    description: str
    children: "tuple[Node, ...]"


@dataclass(frozen=True)
class Variant:
    value: str
    title: str
    description: str
    fields: tuple["Node", ...]


@dataclass(frozen=True)
class Choice:
    """A tagged union: ``tag`` is the select, and each variant has fields of its own."""

    path: str
    spec_path: str
    title: str
    description: str
    tag: Leaf
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Rows:
    """A list of tagged unions or models, as many as a person wants within the limits."""

    path: str
    spec_path: str
    title: str
    description: str
    annotation: Any
    limits: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.path.replace(".", "__")

    def row(self, index: int) -> "Node":
        info = FieldInfo(title=f"{self.title.removesuffix('s')} {index + 1}")
        return node_of(self.annotation, info, f"{self.path}.{index}", f"{self.spec_path}.{index}")

    def indices(self, raw: Raw) -> list[int]:
        """The numbers of the rows that ``raw`` has, in order; they may have holes."""
        prefix = f"{self.name}__"
        found = (whole(name.removeprefix(prefix).partition("__")[0]) for name in raw if name.startswith(prefix))
        return sorted({number for number in found if number is not None})


Node = Leaf | Group | Choice | Rows


def nodes(model: type[BaseModel], path: str = "", spec_path: str = "", skip: str = "") -> tuple[Node, ...]:
    """The fields of ``model`` in the order of their declaration."""
    return tuple(
        node_of(info.annotation, info, _join(path, name), _join(spec_path, name))
        for name, info in model.model_fields.items()
        if name != skip
    )


def node_of(annotation: Any, info: FieldInfo, path: str, spec_path: str) -> Node:
    """Raises TypeError for a type that no form field is known for."""
    tag = info.discriminator
    while get_origin(annotation) is Annotated:
        annotation, *notes = get_args(annotation)
        tag = next((note.discriminator for note in notes if isinstance(note, FieldInfo) and note.discriminator), tag)
    title = info.title or path.rpartition(".")[2].replace("_", " ").capitalize()
    words = {"path": path, "spec_path": spec_path, "title": title}
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    optional = NoneType in options
    options = tuple(option for option in options if option is not NoneType)

    if isinstance(tag, str):
        return _choice(options, tag, description=info.description or "", **words)
    if len(options) != 1:
        raise TypeError(f"{path}: a union needs a discriminator to become a form field.")
    (only,) = options
    if isinstance(only, type) and issubclass(only, BaseModel):
        return Group(**words, description=info.description or _first_line(only), children=nodes(only, path, spec_path))
    limits = _limits(info)
    if get_origin(only) is tuple and get_args(only)[1:] == (Ellipsis,) and get_args(only)[0] is not str:
        return Rows(**words, description=info.description or "", annotation=get_args(only)[0], limits=limits)
    kind, choices = _kind(only, path)
    return Leaf(
        path=path,
        spec_path=spec_path,
        title=title,
        description=info.description or "",
        kind=kind,
        optional=optional,
        default=None if info.is_required() or info.default is PydanticUndefined else info.get_default(call_default_factory=True),
        choices=choices,
        limits=limits,
    )


def _kind(annotation: Any, path: str) -> tuple[Kind, tuple[Any, ...]]:
    if get_origin(annotation) is Literal:
        values = get_args(annotation)
        return ("constant" if len(values) == 1 else "choice"), values
    if get_origin(annotation) is tuple:
        return "many", ()
    kinds: dict[Any, Kind] = {str: "text", bool: "switch", int: "integer", float: "number"}
    if annotation not in kinds:
        raise TypeError(f"{path}: no form field is known for {annotation}.")
    return kinds[annotation], ()


def _choice(options: tuple[Any, ...], tag: str, path: str, spec_path: str, title: str, description: str) -> Choice:
    variants = []
    for option in options:
        (value,) = get_args(option.model_fields[tag].annotation)
        name = option.model_fields[tag].title or str(value).capitalize()
        when = (_join(path, tag).replace(".", "__"), str(value))
        fields = tuple(
            replace(node, when=when) if isinstance(node, Leaf) else node
            for node in nodes(option, _join(path, str(value)), spec_path, skip=tag)
        )
        variants.append(Variant(str(value), name, _first_line(option), fields))
    select = Leaf(
        path=_join(path, tag),
        spec_path=_join(spec_path, tag),
        title=title,
        description=description,
        kind="choice",
        optional=False,
        default=variants[0].value,
        choices=tuple(variant.value for variant in variants),
        limits={},
    )
    return Choice(path, spec_path, title, description, select, tuple(variants))


def _limits(info: FieldInfo) -> dict[str, Any]:
    names = ("ge", "gt", "le", "lt", "min_length", "max_length")
    return {name: getattr(note, name) for note in info.metadata for name in names if getattr(note, name, None) is not None}


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def leaves(found: tuple[Node, ...], raw: Raw) -> Iterator[Leaf]:
    """Every leaf, with those of all variants and of the rows that ``raw`` has."""
    for node in found:
        match node:
            case Leaf():
                yield node
            case Group():
                yield from leaves(node.children, raw)
            case Choice():
                yield node.tag
                for variant in node.variants:
                    yield from leaves(variant.fields, raw)
            case Rows():
                yield from leaves(tuple(node.row(index) for index in node.indices(raw)), raw)


def write(node: Node, value: Any) -> Raw:
    """What a browser would send for ``value``; fields of variants that were not chosen get their defaults."""
    match node:
        case Leaf(kind="many"):
            return {node.name: [str(part) for part in value or ()]}
        case Leaf(kind="switch"):
            return {node.name: ["True"]} if value else {}  # a box that is not ticked is not sent
        case Leaf():
            return {node.name: [text_of(value)]}
        case Group():
            return _merge(write(child, _get(value, child)) for child in node.children)
        case Choice():
            chosen = getattr(value, node.tag.path.rpartition(".")[2])
            raw = {node.tag.name: [str(chosen)]}
            for variant in node.variants:
                mine = variant.value == str(chosen)
                raw |= _merge(write(field, _get(value, field) if mine else default_of(field)) for field in variant.fields)
            return raw
        case Rows():
            return _merge(write(node.row(index), item) for index, item in enumerate(value))


def default_of(node: Node) -> Any:
    return node.default if isinstance(node, Leaf) else ()


def _get(value: Any, node: Node) -> Any:
    return getattr(value, node.spec_path.rpartition(".")[2])


def _merge(raws: Iterator[Raw]) -> Raw:
    return {name: values for raw in raws for name, values in raw.items()}


def text_of(value: Any) -> str:
    """As a person types it: numbers exactly, without a needless .0; nothing for None."""
    if value is None:
        return ""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def read(node: Node, raw: Raw) -> Any:
    """The data of ``node`` as strings, lists and dicts; what ``raw`` does not have is left out, so that its default holds."""
    match node:
        case Leaf(kind="many"):
            return raw.get(node.name, [])
        case Leaf(kind="switch"):
            return raw.get(node.name, [""])[-1] == "True"
        case Leaf():
            text = raw.get(node.name, [""])[-1].strip()
            meant = next((choice for choice in node.choices if str(choice) == text), text)
            return None if node.optional and not text else meant
        case Group():
            return read_all(node.children, raw)
        case Choice():
            chosen = read(node.tag, raw)
            data = {node.tag.path.rpartition(".")[2]: chosen}
            for variant in node.variants:
                if variant.value == chosen:
                    data |= read_all(variant.fields, raw)
            return data
        case Rows():
            return [read(node.row(index), raw) for index in node.indices(raw)]


def read_child(child: Node, raw: Raw) -> Iterator[tuple[str, Any]]:
    if not (isinstance(child, Leaf) and child.kind not in ("many", "switch") and child.name not in raw):
        yield child.spec_path.rpartition(".")[2], read(child, raw)


def read_all(found: tuple[Node, ...], raw: Raw) -> dict[str, Any]:
    return {name: value for node in found for name, value in read_child(node, raw)}


def write_all(found: tuple[Node, ...], spec: BaseModel) -> Raw:
    return _merge(write(node, _get(spec, node)) for node in found)


def renumber(node: Rows, raw: Raw, leave_out: int | None = None) -> Raw:
    """``raw`` with the rows of ``node`` counted from zero, without the row ``leave_out``."""
    prefix = f"{node.name}__"
    place = {index: new for new, index in enumerate(index for index in node.indices(raw) if index != leave_out)}
    moved: Raw = {}
    for name, values in raw.items():
        index, _, rest = name.removeprefix(prefix).partition("__")
        if name.startswith(prefix) and (number := whole(index)) is not None:
            if number in place:
                moved[f"{prefix}{place[number]}__{rest}"] = values
        else:
            moved[name] = values
    return moved
