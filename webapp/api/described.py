"""The OpenAPI document for readers: operations by group, each with its fields and a curl command."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

TOKEN = "Authorization: Bearer $W2S_TOKEN"  # nosec B105 # no secret
EXAMPLES: dict[str, object] = {"string": "…", "integer": 1, "number": 0.5, "boolean": True, "array": [], "object": {}}


@dataclass(frozen=True)
class Field:
    """A field of an operation; ``place`` is path, query, header, or body."""

    name: str
    place: str
    type: str
    required: bool
    help: str


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    title: str
    details: str
    fields: list[Field]
    line: str


def groups(document: Schema, root: str) -> dict[str, list[Operation]]:
    """Return the operations by their first tag, in the order of the document.

    ``root`` is the address of the laboratory, without a slash.
    """
    operations: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            group = operations.setdefault(operation["tags"][0], [])
            group.append(_operation(document, root, path, method.upper(), operation))
    return operations


def _operation(document: Schema, root: str, path: str, method: str, operation: Schema) -> Operation:
    title, _, details = operation["description"].replace("``", "").partition("\n\n")
    content: Schema = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "")
    body = _resolved(document, content[kind]["schema"]) if kind else {}
    fields = [
        _field(
            document,
            entry["name"],
            entry["in"],
            {"description": entry.get("description", "")} | entry["schema"],
            entry["required"],
        )
        for entry in operation["parameters"]
    ]
    fields += [
        _field(document, name, "body", schema, name in body.get("required", ()))
        for name, schema in body.get("properties", {}).items()
    ]
    needed = [field.name for field in fields if field.place == "query" and field.required]
    address = root + path + ("?" + "&".join(f"{name}=…" for name in needed) if needed else "")
    line = " ".join(["curl", *_method(method), "-H", f'"{TOKEN}"', *_sent(document, kind, body), shlex.quote(address)])
    return Operation(f"{method.lower()}-{operation['operationId']}", method, path, title, details, fields, line)


def _method(method: str) -> list[str]:
    return [] if method == "GET" else ["-X", method]


def _sent(document: Schema, kind: str, body: Schema) -> list[str]:
    """Return the part of the command that sends the required fields of the body, or its first field if none is required."""
    if not kind:
        return []
    names = body.get("required") or list(body.get("properties", {}))[:1]
    needed: dict[str, Schema] = {name: body["properties"][name] for name in names}
    if kind == "multipart/form-data":
        return [f"-F {name}={'@FILE' if field.get('format') == 'binary' else '…'}" for name, field in needed.items()]
    example = {name: EXAMPLES.get(_resolved(document, field).get("type", ""), "…") for name, field in needed.items()}
    return ['-H "Content-Type: application/json"', "-d", shlex.quote(json.dumps(example, ensure_ascii=False))]


def _field(document: Schema, name: str, place: str, schema: Schema, required: bool) -> Field:
    words = schema.get("description") or _resolved(document, schema).get("description", "")
    return Field(name, place, _type(document, schema), required, words.replace("``", "").partition("\n\n")[0])


def _type(document: Schema, schema: Schema) -> str:
    schema = _resolved(document, schema)
    if "enum" in schema:
        return ", ".join(str(value) or "nothing" for value in schema["enum"])
    variants = schema.get("anyOf") or schema.get("oneOf")
    if variants:
        return " or ".join(dict.fromkeys(_type(document, variant) for variant in variants))
    if schema.get("format") == "binary":
        return "file"
    if schema.get("type") == "array":
        return f"list of {_type(document, schema.get('items', {}))}"
    return str(schema.get("type", "anything"))


def _resolved(document: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
