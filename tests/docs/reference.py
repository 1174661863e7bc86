"""The reference pages, generated from the code. ``python -m tests.docs.reference`` writes them anew."""

import argparse
import inspect
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from tests.docs import architectures, variables
from tests.docs.described import GROUPS
from training import ExperimentSpec
from training.cli.main import parser
from training.events import Event
from training.spec.methods import METHODS, MethodBase
from webapp import console
from webapp.pages.fields import Leaf, leaves, nodes
from webapp.pages.form_data import text_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
TABLE = "| setting | meaning | values | default |\n|---|---|---|---|"
SECTIONS = {
    "": "The experiment",
    "data": "Data",
    "weak": "Weak supervisors",
    "strong": "Students and ceilings",
    "methods[]": "Methods",
}


def limits(leaf: Leaf) -> str:
    if leaf.choices:
        return ", ".join(map(str, leaf.choices))
    return ", ".join(f"{SIGNS[name]} {value}" for name, value in leaf.limits.items() if name in SIGNS)


def default(leaf: Leaf) -> str:
    return ", ".join(leaf.default) if isinstance(leaf.default, tuple) else text_of(leaf.default) or "none"


def settings() -> str:
    """Every setting of an experiment: its path in a recipe, meaning, values and default."""
    sections: dict[str, list[str]] = defaultdict(list)
    for leaf in leaves(nodes(ExperimentSpec), {"methods__0__kind": [""]}):  # one row, with the fields of every variant
        path = leaf.spec_path.replace(".0", "[]")
        kind = f" ({leaf.when[1]})" if leaf.when else ""
        meaning = cell(f"{leaf.title}{kind}. {leaf.description}".strip())
        sections[path.rpartition(".")[0]].append(f"| `{path}` | {meaning} | {limits(leaf)} | {default(leaf)} |")
    lines = [
        "# Settings of an experiment\n",
        "Generated from `training/spec/`, like the form, the API and the command line. The setting is the path in the JSON of",
        "an experiment, as a recipe and `POST /api/v1/experiments` have it; `python -m training schema` prints its JSON schema.",
        "[Methods](methods.md) describes each method with its settings.\n",
    ]
    for prefix in [*SECTIONS, *(name for name in sections if name not in SECTIONS)]:
        if rows := sections.get(prefix):
            lines += [
                f"## {SECTIONS.get(prefix, prefix)}\n",
                "| setting | meaning | values | default |\n|---|---|---|---|",
                *rows,
                "",
            ]
    return "\n".join(lines)


def methods() -> str:
    lines = [
        "# Methods\n",
        "Generated from `training/spec/methods/`. In the formulas w is the weak label of an example and f the output of the",
        "student, both probabilities. [Methods and what they gave](../methods.md) compares them on the embedded data set;",
        "[Add a method](../howto/add-a-method.md) shows how to write another one.\n",
        *[f"* [{title_of(method)}](#{anchor(title_of(method))})" for method in METHODS],
        "",
    ]
    for method in METHODS:
        lines += _method(method)
    return "\n".join(lines)


def title_of(method: type[MethodBase]) -> str:
    return str(method.model_fields["kind"].title)


def anchor(title: str) -> str:
    """The id of a heading, the same on a code host and on the site."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower()))


def _method(method: type[MethodBase]) -> Iterator[str]:
    kind = method.model_fields["kind"].default
    yield f"## {title_of(method)}\n"
    yield f"`kind`: `{kind}`. Classes: {'2' if method.two_classes else 'any'}. The student learns from {method.label_source}.\n"
    yield words(method) + "\n"
    rows = [leaf for leaf in leaves(nodes(method), {}) if leaf.spec_path != "kind"]
    if rows:
        yield TABLE
        for leaf in rows:
            yield f"| `{leaf.spec_path}` | {cell(f'{leaf.title}. {leaf.description}')} | {limits(leaf)} | {default(leaf)} |"
        yield ""


def events() -> str:
    """The events of a run with their fields."""
    lines = [
        "# Events of a run\n",
        "Generated from `training/events.py`. A run reports each step of its life as one JSON object; the status and the result",
        "of a run are computed from its events and from nothing else. `python -m training run` prints them as JSON lines, and",
        "`GET /api/v1/runs/{id}/events?after=SEQ` returns them from the database.\n",
    ]
    union = get_args(get_args(Event)[0])
    for event in union:
        lines += _event(event)
    return "\n".join(lines)


def _event(event: type[BaseModel]) -> Iterator[str]:
    yield f"## {event.model_fields['kind'].default}\n"
    if words(event):
        yield words(event) + "\n"
    fields = {name: field for name, field in event.model_fields.items() if name != "kind"}
    if fields:
        yield "| field | type | default |\n|---|---|---|"
        for name, field in fields.items():
            value = "required" if field.is_required() else f"`{json.dumps(field.default)}`"
            yield f"| `{name}` | {cell(_type(field.annotation))} | {value} |"
        yield ""


def _type(annotation: Any) -> str:
    if isinstance(annotation, type) and not get_args(annotation):
        return "None" if annotation is NoneType else annotation.__name__
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(map(_type, get_args(annotation)))
    if get_origin(annotation) is Literal:
        return " | ".join(map(repr, get_args(annotation)))
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    return str(annotation)


def words(documented: type) -> str:
    """The docstring as Markdown: its own, not that of a base class. Signs of formulas are escaped, names in backticks are not."""
    parts = inspect.cleandoc(documented.__dict__.get("__doc__") or "").split("``")
    return "`".join(part if index % 2 else re.sub(r"([*_])", r"\\\1", part) for index, part in enumerate(parts))


def command_line() -> str:
    """The arguments of python -m training and of the laboratory's management commands."""
    lines = [
        "# Command line\n",
        "Generated from the parsers of the commands. `--help` after a command prints the same.\n",
        "## python -m training\n",
        "The engine without the web. Exit codes: 0 done, 1 failed, 2 wrong input, 75 stopped with a",
        "checkpoint: run it again to go on.\n",
    ]
    for name, command in subcommands(parser()).items():
        lines += _command(f"python -m training {name}", command, "###")
    lines.append("## w2s\n")
    lines.append("The command of the installed package. Its commands are those below and above, with the same arguments:")
    lines.append(f"{', '.join(f'`w2s {name}`' for name in (*console.LABORATORY, *console.ENGINE))}.\n")
    lines.append("## manage.py\n")
    lines.append("The laboratory's own commands, `.venv/bin/python manage.py NAME`. Django's commands are there too.\n")
    for name, command in management().items():
        lines += _command(f"manage.py {name}", command, "###")
    return "\n".join(lines)


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers below, by their words: data look is one of data."""
    result: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help for choice in action._choices_actions}
            for name, child in action.choices.items():
                child.description = child.description or helps.get(name)
                result[name] = child
                result |= {f"{name} {below}": subcommand for below, subcommand in subcommands(child).items()}
    return result


def management() -> dict[str, argparse.ArgumentParser]:
    from django.core.management import get_commands, load_command_class
    from django.core.management.base import CommandParser

    ours = sorted(name for name, app in get_commands().items() if app == "webapp")
    result: dict[str, argparse.ArgumentParser] = {}
    for name in ours:
        command = load_command_class("webapp", name)
        parser = CommandParser(description=command.help, called_from_command_line=True)
        command.add_arguments(parser)
        result[name] = parser
    return result


def _command(called: str, parser: argparse.ArgumentParser, level: str) -> Iterator[str]:
    yield f"{level} {called}\n"
    yield f"{cell(parser.description or '')}\n"
    shown = [action for action in parser._actions if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)]
    if shown:
        yield "| argument | meaning | default |\n|---|---|---|"
        for action in shown:
            yield f"| {_argument(action)} | {cell(_help(action))} | {_default_of(action)} |"
        yield ""


def _argument(action: argparse.Action) -> str:
    value = action.metavar or (action.dest if not action.option_strings else action.dest.upper())
    name = action.option_strings[-1] if action.option_strings else ""
    many = " …" if action.nargs == "+" else ""
    return f"`{name}`" if name and action.nargs == 0 else f"`{f'{name} {value}'.strip()}{many}`"


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % {"default": action.default}
    return f"{text} ({', '.join(map(str, action.choices))})" if action.choices else text


def _default_of(action: argparse.Action) -> str:
    if action.required:
        return "required"
    return "" if action.default in (None, False, "") else f"`{action.default}`"


def api() -> str:
    """The operations of the API, by their groups, from docs/openapi.json."""
    groups: dict[str, list[str]] = defaultdict(list)
    for path, operations in json.loads((DOCS / "openapi.json").read_text())["paths"].items():
        for method, operation in operations.items():
            sentence = operation.get("description", operation.get("summary", "")).split("\n\n")[0]
            groups[operation["tags"][0]].append(f"| `{method.upper()}` | `{path}` | {cell(words_of(sentence))} |")
    lines = [
        "# API\n",
        "Generated from [openapi.json](../openapi.json), which the laboratory serves at `/api/v1/openapi.json`. The page `/api/`",
        "of a laboratory shows every operation with its fields and a line for the shell.",
        "[Use the API and a notebook](../howto/api-and-notebook.md) has examples.\n",
    ]
    for tag, rows in groups.items():
        lines += [f"## {tag.capitalize()}\n", "| method | path | what it does |\n|---|---|---|", *rows, ""]
    return "\n".join(lines)


def words_of(text: str) -> str:
    return text.replace("``", "`")


def cell(text: str) -> str:
    """The text in one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def environment() -> str:
    return variables.page(GROUPS)


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "methods.md": methods,
    "events.md": events,
    "command-line.md": command_line,
    "api.md": api,
    "environment.md": environment,
    "architectures.md": architectures.page,
}


def write(folder: Path = DOCS / "reference") -> None:
    for name, page in PAGES.items():
        (folder / name).write_text(page().rstrip("\n") + "\n")


if __name__ == "__main__":
    import os

    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    write()
