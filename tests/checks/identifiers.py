"""The names that source text gives to things: of Python, templates, style sheets, scripts and headings, each with its line."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

Name = tuple[int, str]

COMMENT = r"/\*.*?\*/|(?<!:)//[^\n]*"
STRING = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
TEMPLATE_STRING = re.compile(r"`(?:\\.|[^`\\])*`", re.DOTALL)
IDENTIFIER = re.compile(r"(?<![\w$#-])[A-Za-z_$][\w$]*")
TAG = re.compile(r"\{%\s*(for|with|include|blocktranslate)\b(.*?)%\}")
STORED = re.compile(r"\{%[^%]*?\bas\s+(\w+)\s*%\}")
CLASSES = re.compile(r'\bclass="((?:\{%.*?%\}|\{\{.*?\}\}|[^"])*)"')
SELECTOR = re.compile(r"\.(-?[A-Za-z_][\w-]*)")


def of_python(text: str) -> Iterator[Name]:
    """Yield the names of functions, classes, arguments, variables, attributes and aliases that the module defines."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((node.lineno, each.asname) for each in names if each.asname)


def of_template(text: str) -> Iterator[Name]:
    """Yield the variables that tags of a template make and the classes of its elements."""
    for place in TAG.finditer(text):
        tag, rest = place.groups()
        made = rest.partition(" in ")[0].split(",") if tag == "for" else re.findall(r"(\w+)=", rest)
        yield from ((_line(text, place.start()), name.strip()) for name in made)
    for place in STORED.finditer(text):
        yield _line(text, place.start()), place[1]
    for place in CLASSES.finditer(text):
        plain = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", place[1])
        yield from ((_line(text, place.start()), name) for name in plain.split())


def of_style_sheet(text: str) -> Iterator[Name]:
    """Yield the classes that the selectors of a style sheet name."""
    text = _blanked(rf"{COMMENT}|{STRING}|url\([^)]*\)", text)
    for place in re.finditer(r"[^{};]+(?=\{)", text):
        for name in SELECTOR.finditer(place[0]):
            yield _line(text, place.start() + name.start()), name[1]


def of_script(text: str) -> Iterator[Name]:
    """Yield every identifier of a script, also inside the expressions of template strings."""
    text = TEMPLATE_STRING.sub(_expressions, _blanked(COMMENT, text))
    text = _blanked(STRING, text)
    yield from ((_line(text, place.start()), place[0]) for place in IDENTIFIER.finditer(text))


def of_page(text: str) -> Iterator[Name]:
    """Yield the headings of a page of the documentation."""
    text = _blanked(r"```.*?```", text)
    yield from ((_line(text, place.start()), place[1]) for place in re.finditer(r"^#+ (.+)$", text, re.MULTILINE))


READERS: dict[str, Callable[[str], Iterator[Name]]] = {
    ".py": of_python,
    ".html": of_template,
    ".css": of_style_sheet,
    ".js": of_script,
    ".md": of_page,
}


def of_file(path: Path) -> Iterator[Name]:
    """Yield the names that a file gives, its own name first."""
    if path.suffix in (".py", ".html", ".css", ".js"):
        yield 1, path.stem
    yield from READERS[path.suffix](path.read_text(encoding="utf-8"))


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _blanked(pattern: str, text: str) -> str:
    """Return ``text`` with what matches left out, and its line breaks kept."""
    return re.sub(pattern, lambda place: "\n" * place[0].count("\n"), text, flags=re.DOTALL)


def _expressions(place: re.Match[str]) -> str:
    return " ".join(re.findall(r"\$\{([^}]*)\}", place[0])) + "\n" * place[0].count("\n")
