"""The documentation under /docs/: for accounts, where it is built, under a policy that allows the site's own scripts alone."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp.middleware import POLICY
from webapp.pages.documentation import policy

pytestmark = pytest.mark.django_db

PAGE = (
    '<html><script>one()</script><script src="a.js"></script><script type="application/json">{"a": 1}</script><p>Hello</p></html>'
)


@pytest.fixture
def site(tmp_path: Path, settings: object) -> Path:
    folder = tmp_path / "docs"
    (folder / "howto").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "howto" / "index.html").write_text("<p>How</p>")
    (folder / "site.css").write_text("p {}")
    (tmp_path / "secret-key").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret-key")
    settings.DOCS_DIR = folder  # type: ignore[attr-defined]
    return folder


@pytest.fixture
def reader(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def test_pages_and_files_of_the_site_are_served_with_their_types(reader: Client, site: Path) -> None:
    home = reader.get("/docs/")
    assert (home.status_code, home["Content-Type"]) == (200, "text/html")
    assert b"Hello" in home.content
    assert reader.get("/docs/howto/").content == b"<p>How</p>"
    assert reader.get("/docs/howto")["Location"] == "/docs/howto/"
    assert reader.get("/docs/site.css")["Content-Type"] == "text/css"
    assert reader.get("/docs/site.css")["Content-Security-Policy"] == POLICY


def test_the_documentation_is_for_accounts(client: Client, site: Path) -> None:
    for path in ("/docs/", "/docs/site.css"):
        assert client.get(path)["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize(
    "path", ["../secret-key", "howto/../../secret-key", "link", "%2e%2e/secret-key", "/etc/passwd", "none", "a%00b"]
)
def test_a_path_that_leads_out_of_the_site_or_nowhere_is_not_found(path: str, reader: Client, site: Path) -> None:
    answer = reader.get(f"/docs/{path}")
    assert answer.status_code in (400, 404)
    assert b"secret" not in answer.content


def test_inline_scripts_are_allowed_by_hash_for_their_page_alone_and_never_in_general(reader: Client, site: Path) -> None:
    allowed = reader.get("/docs/")["Content-Security-Policy"]
    [scripts] = re.findall(r"script-src ([^;]*)", allowed)
    expected = base64.b64encode(hashlib.sha256(b"one()").digest()).decode()
    assert f"'sha256-{expected}'" in scripts
    assert "unsafe" not in scripts
    assert "http" not in scripts
    assert allowed.startswith("default-src 'none'")
    assert "sha256" not in reader.get("/docs/howto/")["Content-Security-Policy"]
    assert "sha256" not in reader.get("/account/")["Content-Security-Policy"]


def test_a_script_with_an_address_adds_no_hash() -> None:
    assert "sha256" not in policy(b'<script defer src="a.js"></script><SCRIPT SRC = "b.js">\n</SCRIPT>')


def test_the_menu_links_the_documentation_only_where_it_is_built(reader: Client, site: Path) -> None:
    assert 'href="/docs/"' in reader.get("/account/").content.decode()
    (site / "index.html").unlink()
    assert 'href="/docs/"' not in reader.get("/account/").content.decode()
    assert reader.get("/docs/").status_code == 404
