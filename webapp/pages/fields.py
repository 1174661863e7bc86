"""The fields of a form, derived from a pydantic model: a setting that is declared in the spec has a field in every form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from training.spec.setting import PLAIN, Setting, setting_of
from webapp.parsing import whole

Raw = dict[str, list[str]]
"""The values that a browser sends, by the name of their field."""
Kind = Literal["text", "integer", "number", "switch", "choice", "many", "constant"]


@dataclass(frozen=True)
class Leaf:
    """One value. ``path`` is dotted and distinguishes the variants of a union; ``spec_path`` is the path that pydantic uses."""

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
    setting: Setting = PLAIN
    when: tuple[str, str] | None = None
    """Name of a select and the value of it with which this field is used; None for a field that is always used."""

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
    """A tagged union: ``tag`` is the select, and each variant has its own fields."""

    path: str
    spec_path: str
    title: str
    description: str
    tag: Leaf
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class Rows:
    """A list of tagged unions or models, of any length within the limits."""

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
        """Return the numbers of the rows in ``raw`` in ascending order; numbers may be missing."""
        prefix = f"{self.name}__"
        numbers = (whole(name.removeprefix(prefix).partition("__")[0]) for name in raw if name.startswith(prefix))
        return sorted({number for number in numbers if number is not None})


Node = Leaf | Group | Choice | Rows


def nodes(model: type[BaseModel], path: str = "", spec_path: str = "", skip: str = "") -> tuple[Node, ...]:
    """Return the fields of ``model`` in the order of their declaration."""
    return tuple(
        node_of(info.annotation, info, _join(path, name), _join(spec_path, name))
        for name, info in model.model_fields.items()
        if name != skip
    )


def node_of(annotation: Any, info: FieldInfo, path: str, spec_path: str) -> Node:
    """Return the form field of a model field. Raise TypeError for a type without a form field."""
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
        setting=setting_of(info),
    )


def _kind(annotation: Any, path: str) -> tuple[Kind, tuple[Any, ...]]:
    if get_origin(annotation) is Literal:
        values = get_args(annotation)
        return ("constant" if len(values) == 1 else "choice"), values
    if get_origin(annotation) is tuple:
        return "many", ()
    kinds: dict[Any, Kind] = {str: "text", bool: "switch", int: "integer", float: "number"}
    if annotation not in kinds:
        raise TypeError(f"{path}: {annotation} has no form field.")
    return kinds[annotation], ()


def _choice(options: tuple[Any, ...], tag: str, path: str, spec_path: str, title: str, description: str) -> Choice:
    variants = []
    for option in options:
        if not getattr(option, "offered", True):
            continue
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


def leaves(nodes: tuple[Node, ...], raw: Raw) -> Iterator[Leaf]:
    """Yield every leaf, with those of all variants and of the rows in ``raw``."""
    for node in nodes:
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
