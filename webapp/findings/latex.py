"""Tables as LaTeX with the rules of the package booktabs."""

from webapp.findings.number_table import NumberTable, Placed

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "−": "$-$",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "–": "--",
    "—": "---",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "\u00a0": "~",
    "\n": " ",
}
"""Characters that LaTeX reads as commands, and those of our texts that a font of LaTeX may lack."""


def escaped(text: str) -> str:
    """Return ``text`` as LaTeX prints it; without control characters, at which it stops."""
    printed = "".join(SPECIAL.get(character, character) for character in text if character in SPECIAL or character.isprintable())
    return printed.replace("--", "-{}-") if "--" in text else printed  # two hyphens would become a dash


def latex(table: NumberTable) -> str:
    """Return a floating table with its caption above and its footnotes below."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(table.caption)}}}",
        rf"  \begin{{tabular}}{{{''.join('r' if column.right else 'l' for column in table.columns)}}}",
        r"    \toprule",
        _row([escaped(column.title) for column in table.columns]),
        r"    \midrule",
        *(_row([_cell(placed) for placed in line]) for line in table.lines),
        r"    \bottomrule",
        r"  \end{tabular}",
    ]
    if table.footnotes:
        notes = " ".join(rf"\textsuperscript{{{mark}}}\,{escaped(reason)}" for mark, reason in table.footnotes)
        lines.append(rf"  \par\smallskip{{\footnotesize {notes}\par}}")
    return "\n".join([*lines, r"\end{table}", ""])


def _row(cells: list[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _cell(placed: Placed) -> str:
    cell = placed.cell
    if placed.repeated:
        return ""
    text = escaped(", ".join(filter(None, (cell.text, cell.detail))))
    text = " ".join(filter(None, (text, escaped(cell.interval))))
    # A bracket after the end of the row above would be read as its optional argument.
    text = f"{{{text}}}" if text.startswith("[") else text
    return text + (rf"\textsuperscript{{{placed.mark}}}" if placed.mark else "")
