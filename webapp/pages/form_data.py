"""Conversions between a spec, the ``raw`` values of a form and the ``data`` that pydantic validates."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from webapp.pages.fields import Choice, Group, Leaf, Node, Raw, Rows
from webapp.parsing import whole


def write(node: Node, value: Any) -> Raw:
    """Return the raw values of ``value``; fields of variants that are not chosen get their defaults."""
    match node:
        case Leaf(kind="many"):
            return {node.name: [str(part) for part in value or ()]}
        case Leaf(kind="switch"):
            return {node.name: ["True"]} if value else {}  # browsers do not send a box that is not ticked
        case Leaf():
            return {node.name: [text_of(value)]}
        case Group():
            return _merge(write(child, _get(value, child)) for child in node.children)
        case Choice():
            chosen = getattr(value, node.tag.path.rpartition(".")[2])
            raw = {node.tag.name: [str(chosen)]}
            for variant in node.variants:
                used = variant.value == str(chosen)
                raw |= _merge(write(field, _get(value, field) if used else default_of(field)) for field in variant.fields)
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
    """Return a value as text of a form field: numbers exactly, without a trailing .0, and None as an empty text."""
    if value is None:
        return ""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def read(node: Node, raw: Raw) -> Any:
    """Return the data of ``node`` as strings, lists and dicts, without values that ``raw`` lacks: their defaults apply."""
    match node:
        case Leaf(kind="many"):
            return raw.get(node.name, [])
        case Leaf(kind="switch"):
            return raw.get(node.name, [""])[-1] == "True"
        case Leaf():
            text = raw.get(node.name, [""])[-1].strip()
            value = next((choice for choice in node.choices if str(choice) == text), text)
            return None if node.optional and not text else value
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


def _read_child(child: Node, raw: Raw) -> Iterator[tuple[str, Any]]:
    if not (isinstance(child, Leaf) and child.kind not in ("many", "switch") and child.name not in raw):
        yield child.spec_path.rpartition(".")[2], read(child, raw)


def read_all(nodes: Iterable[Node], raw: Raw) -> dict[str, Any]:
    return {name: value for node in nodes for name, value in _read_child(node, raw)}


def write_all(nodes: Iterable[Node], spec: BaseModel) -> Raw:
    return _merge(write(node, _get(spec, node)) for node in nodes)


def renumber(node: Rows, raw: Raw, leave_out: int | None = None) -> Raw:
    """Return ``raw`` with the rows of ``node`` numbered from zero, without the row ``leave_out``."""
    prefix = f"{node.name}__"
    numbers = {index: new for new, index in enumerate(index for index in node.indices(raw) if index != leave_out)}
    moved: Raw = {}
    for name, values in raw.items():
        index, _, rest = name.removeprefix(prefix).partition("__")
        if name.startswith(prefix) and (number := whole(index)) is not None:
            if number in numbers:
                moved[f"{prefix}{numbers[number]}__{rest}"] = values
        else:
            moved[name] = values
    return moved
