"""The README says what the code does. ``python -m tests.test_readme`` writes its table of settings anew."""

import re
from collections.abc import Iterator
from pathlib import Path

from training import ExperimentSpec
from webapp.pages.leaves import Leaf, leaves, nodes, text_of

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- spec -->\n).*(<!-- /spec -->)", re.DOTALL)
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def limits(leaf: Leaf) -> str:
    if leaf.choices:
        return ", ".join(map(str, leaf.choices))
    return ", ".join(f"{SIGNS[name]} {value}" for name, value in leaf.limits.items() if name in SIGNS)


def default(leaf: Leaf) -> str:
    return ", ".join(leaf.default) if isinstance(leaf.default, tuple) else text_of(leaf.default) or "none"


def lines() -> Iterator[str]:
    yield "| setting | meaning | values | default |\n|---|---|---|---|\n"
    everything = {"methods__0__kind": [""]}  # one row, of which every variant's fields are told
    for leaf in leaves(nodes(ExperimentSpec), everything):
        kind = f" ({leaf.when[1]})" if leaf.when else ""
        meaning = f"{leaf.title}{kind}. {leaf.description}".strip()
        yield f"| `{leaf.spec_path.replace('.0', '[]')}` | {meaning} | {limits(leaf)} | {default(leaf)} |\n"


def test_the_readme_has_every_setting_with_its_limits_and_default() -> None:
    block = BLOCK.search(README.read_text())
    assert block
    assert block[0] == f"<!-- spec -->\n{''.join(lines())}<!-- /spec -->", "python -m tests.test_readme writes it anew"


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (README.parent / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make (?!demo TORCH|up ARGS)([a-z]+)", README.read_text())) <= targets | {"and"}


def test_every_file_that_the_readme_points_to_exists() -> None:
    text = README.read_text()
    named = re.findall(r"`((?:docs|training|static|webapp)/[\w./-]*)`", text) + re.findall(r"\]\((docs/[^)]+)\)", text)
    assert named
    assert [path for path in named if not (README.parent / path).exists()] == []


if __name__ == "__main__":
    text = README.read_text()
    README.write_text(BLOCK.sub(lambda match: match[1] + "".join(lines()) + match[2], text))
