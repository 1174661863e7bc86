"""A reader of LaTeX tables, strict about what TeX would stop at: braces, environments, unescaped characters, cells per row."""

import re

COMMANDS = {
    *("begin", "end", "centering", "caption", "toprule", "midrule", "bottomrule", "textsuperscript", "par", "smallskip"),
    *("footnotesize", "textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", "infty"),
    *("times", "rightarrow", "pm", "cdot", "ldots", "\\", ",", *"&%$#_{}"),
}
COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of the tabular of one table, its head first. Raises ValueError for what TeX would not accept."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    unknown = {name for name in COMMAND.findall(body) if name not in COMMANDS}
    if unknown:
        raise ValueError(f"unknown commands: {unknown}")
    _check_environments(body)
    bare = COMMAND.sub("", body.replace("\\\\", ""))
    if re.search(r"[%#_^\\\"|<>]|[^\x20-\x7e\n]", re.sub(r"[^\W\d_]", "", bare)):
        raise ValueError("a character that TeX would read as a command or cannot print")
    if bare.count("$") % 2:
        raise ValueError("an open formula")
    columns, inner = re.search(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", body, re.DOTALL).groups()  # type: ignore[union-attr]
    lines = [line.strip() for line in inner.splitlines() if "&" in line]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)&", line.removesuffix("\\\\"))] for line in lines]
    if any(not line.endswith("\\\\") for line in lines) or {len(row) for row in rows} != {len(columns)}:
        raise ValueError("a row without an end or with another number of cells")
    return rows


def _check_environments(body: str) -> None:
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", body):
        if kind == "begin":
            opened.append(name)
        elif not opened or opened.pop() != name:
            raise ValueError(f"{name} ends without a beginning")
    depth = 0
    for character in re.sub(r"\\[{}]", "", body):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            raise ValueError("a brace is closed that was not opened")
    if opened or depth:
        raise ValueError("an environment or a brace stays open")
