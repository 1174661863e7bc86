"""``make docs`` is strict, and the site needs no network."""

import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build as build_site
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from tests.docs.build import build
from tests.docs.pages import DOCS, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(folder)
    return folder


def test_the_site_builds_strictly_with_every_page(site: Path) -> None:
    pages = [page.relative_to(DOCS).with_suffix("") for page in DOCS.rglob("*.md")]
    built = [site / (page.parent if page.name == "index" else page) / "index.html" for page in pages]
    assert [str(page) for page in built if not page.exists()] == []


@pytest.mark.parametrize("broken", ["[a page](nothing.md)", "[a heading](share.md#nothing)", "[a file](/nothing.html)"])
def test_a_broken_link_ends_the_build(broken: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "share.md").write_text("# Share\n")
    config = load_config(
        str(ROOT / "mkdocs.yml"), docs_dir=str(tmp_path / "docs"), site_dir=str(tmp_path / "site"), nav=["index.md", "share.md"]
    )
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[Share](share.md#share)\n")
    build_site(config)
    (tmp_path / "docs" / "index.md").write_text(f"# Home\n\n{broken}\n")
    with pytest.raises(Abort):
        build_site(config)


LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?(?:https?:)?//"
    r"|<link[^>]*rel=\"?(?:stylesheet|preconnect|preload)[^>]*href=[\"']?(?:https?:)?//"
)
IMPORTED = re.compile(r"url\([\"']?(?:https?:)?//|@import")


def test_a_page_of_the_site_loads_nothing_from_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 25
    assert [str(page) for page in pages if LOADED.search(page.read_text())] == []
    assert [str(style) for style in site.rglob("*.css") if IMPORTED.search(style.read_text())] == []
