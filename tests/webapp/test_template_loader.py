"""A template file ends with a newline, as every file does, and what includes it in the middle of a line does not get it."""

from pathlib import Path

from django.template import Context, Engine
from django.template.loader import render_to_string


def test_an_included_file_adds_no_space_after_it(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>{% include 'part.html' %}!</p>\n")
    (tmp_path / "part.html").write_text("<b>a</b>\n")
    (tmp_path / "mail.txt").write_text("Hello\n")
    engine = Engine(dirs=[str(tmp_path)], loaders=["webapp.template_loader.Loader"])
    assert engine.get_template("page.html").render(Context()) == "<p><b>a</b>!</p>"
    assert engine.get_template("mail.txt").render(Context()) == "Hello\n"


def test_templates_of_the_laboratory_and_of_applications_are_found() -> None:
    assert render_to_string("partials/to.html").endswith("</svg>")
    assert "admin" in render_to_string("admin/404.html")
