"""The environment variables that the code reads, found in its source, and the reference page that describes them."""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType

from training import environment
from training.log_redaction import SECRET_VARIABLES, URL_VARIABLES

ROOT = Path(__file__).resolve().parents[2]
READERS = {name for name, value in vars(environment).items() if isinstance(value, FunctionType)} - {
    "home",
    "in_url",
    "read_secrets",
}
KINDS = {
    "text": "text",
    "flag": "1 or 0",
    "whole": "whole number",
    "number": "number",
    "names": "list, separated by commas",
    "choice": "one of",
    "rate": "rate, as 600/m",
    "memory": "memory, as 512MB",
    "address": "URL",
    "networks": "addresses or networks, separated by commas",
    "folder": "folder",
    "environ": "text",
}


@dataclass(frozen=True)
class Variable:
    """One variable as the code reads it: ``reader`` is a function of training/environment.py, or ``environ``."""

    name: str
    reader: str
    default: str
    limits: str


@dataclass(frozen=True)
class Entry:
    """The words of the page for one variable. ``default`` is for defaults that the code computes."""

    meaning: str
    default: str = ""


def sources() -> Iterator[Path]:
    yield ROOT / "manage.py"
    for folder in ("training", "webapp"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def variables() -> dict[str, Variable]:
    """Every variable that training/, webapp/ and manage.py read, by name."""
    result: dict[str, Variable] = {}
    for path in sources():
        if path == ROOT / "training/environment.py":
            continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            variable = _read(node, module)
            if variable and (variable.name not in result or variable.reader not in ("text", "environ")):
                result[variable.name] = variable
    return result


def _read(node: ast.AST, module: str) -> Variable | None:
    """The variable that the node reads: env.whole("NAME", …), text("NAME"), os.environ.get("NAME") or os.environ["NAME"]."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and ast.unparse(node.value) == "os.environ":
        return _variable(node.slice, "environ", [], {}, module)
    if not isinstance(node, ast.Call) or not node.args:
        return None
    called = ast.unparse(node.func)
    reader = "environ" if called in ("os.environ.get", "os.getenv") else called.rpartition(".")[2]
    if reader not in READERS | {"environ"} or called.rpartition(".")[0] not in ("", "env", "environment", "os.environ", "os"):
        return None
    keywords = {keyword.arg or "": keyword.value for keyword in node.keywords}
    return _variable(node.args[0], reader, node.args[1:], keywords, module)


def _variable(name: ast.expr, reader: str, rest: list[ast.expr], keywords: dict[str, ast.expr], module: str) -> Variable | None:
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str) or not name.value.isupper():
        return None
    bounds = {side: _value(keywords[side], module) for side in ("least", "most") if side in keywords}
    limits = ", ".join(f"{'≥' if side == 'least' else '≤'} {value}" for side, value in bounds.items())
    if reader in ("choice", "address"):
        among = rest[1] if reader == "choice" else rest[0]
        limits = ", ".join(ast.literal_eval(among)) if isinstance(among, ast.List | ast.Tuple) else ""
        rest = rest[:1] if reader == "choice" else rest[1:]
    return Variable(name.value, reader, _value(rest[0], module) if rest else "", limits)


def _value(node: ast.expr, module: str) -> str:
    """The value as the page shows it; empty where the code computes it."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        value = getattr(importlib.import_module(module), node.id) if isinstance(node, ast.Name) else ""
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def page(groups: dict[str, dict[str, Entry]]) -> str:
    """The page; raises KeyError for a variable in ``groups`` that the code does not read."""
    names = variables()
    lines = [INTRODUCTION.replace("SECRETS", ", ".join(f"`{name}`" for name in SECRET_VARIABLES + URL_VARIABLES))]
    for title, entries in groups.items():
        lines += [f"## {title}", "", "| variable | meaning | values | default |", "|---|---|---|---|"]
        for name, entry in entries.items():
            variable = names[name]
            values = f"{KINDS[variable.reader]}{_limits(variable)}"
            lines.append(f"| `{name}` | {entry.meaning} | {values} | {entry.default or variable.default or 'none'} |")
        lines.append("")
    return "\n".join(lines)


def _limits(variable: Variable) -> str:
    if variable.reader == "choice":
        return f" {variable.limits}"
    return f": {variable.limits}" if variable.limits else ""


INTRODUCTION = """\
# Environment variables

Every variable that the laboratory reads. A program of the laboratory refuses to start with a value that it cannot use, and says
so in one sentence. Set a variable for every program of an installation: web server, workers and recovery.
`make up` and `make demo` pass on the variables of the shell that they are started from.

A secret may be in a file instead: `NAME_FILE` with the path of the file stands for `NAME`, for these variables:
SECRETS.
"""
