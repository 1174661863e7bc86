"""The README is short, and everything that it points to exists."""

import re

from tests.docs.pages import ROOT
from training.catalog import REGISTERED
from training.spec.methods import METHODS

README = (ROOT / "README.md").read_text()


def test_the_readme_has_at_most_8_kilobytes() -> None:
    assert len(README.encode()) <= 8 * 1024


def test_the_readme_has_ten_features_of_a_line_each() -> None:
    section = README.partition("## Ten features\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\* ", section, re.MULTILINE)) == 10
    assert [line for line in section.splitlines() if line.startswith("  ")] == []


def test_every_file_that_the_readme_points_to_exists() -> None:
    linked = [link for link in re.findall(r"\]\(([^)#]+)", README) if not link.startswith("http")]
    named = re.findall(r"`((?:docs|training|static|webapp)/[\w./-]*)`", README)
    assert len(linked) > 20
    assert [path for path in [*linked, *named, "CONTRIBUTING.md"] if not (ROOT / path).exists()] == []


def test_every_page_but_single_decisions_is_reached_from_the_readme_in_one_step() -> None:
    pages = {str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")}
    pages -= {page for page in pages if page.startswith("docs/decisions/0")}
    assert pages - set(re.findall(r"\]\(([^)#]+)", README)) == {"docs/index.md"}


def test_the_pages_count_methods_and_registered_data_sets_as_the_code_does() -> None:
    assert f"**{len(METHODS)} methods**" in README
    page = (ROOT / "docs/howto/own-data.md").read_text()
    assert (
        f"\n{sum(bool(entry.repository) for entry in REGISTERED.values())} data sets of the Hugging Face Hub are registered"
        in page
    )
