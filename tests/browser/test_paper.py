"""A result page as one file, opened by a browser without a network: it draws its charts and says the page's numbers."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser

from tests.browser.layout import scroll_through
from tests.factories.experiments import finish_all, launched
from tests.webapp.reports.reading import rows
from webapp.charts.print_theme import tokens
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.html import PageLinks, page
from webapp.reports.offline import offline
from webapp.reports.report import Report

pytestmark = pytest.mark.browser

INK = """() => {
  const canvas = document.querySelector('#curves-0 canvas');
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.filter((value, at) => at % 4 === 3 && value > 0).length;
}"""
DRAWN = "() => [...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn)"


@pytest.fixture
def paper(db: None) -> Report:
    owner = User.objects.create_user("ada")
    experiment = launched(owner)
    finish_all(experiment)
    return compose(experiment, Choices(notes="$x^2$"), owner)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_offline_file_works_without_a_network(browser: Browser, paper: Report, tmp_path: Path, theme: str) -> None:
    file = tmp_path / "paper.html"
    file.write_bytes(offline(paper))
    context = browser.new_context(offline=True, color_scheme=theme)  # type: ignore[arg-type]
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda message: wrong.append(message.text))
    context.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
    opened = context.new_page()
    opened.goto(file.as_uri())
    scroll_through(opened)
    opened.wait_for_function(DRAWN)
    assert rows(opened.content()) == rows(page(paper, PageLinks()))
    assert opened.locator(".abstract").first.inner_text().replace("\u00a0", " ").startswith(paper.claim_text)
    assert "Weak supervisor" in (opened.locator("#gap-0 svg").text_content() or "")
    assert opened.evaluate("charts.points('curves-0')") == len(paper.charts["curves-0"].rows)
    assert opened.evaluate("charts.view('curves-0').data('accuracy:mean').length") > 0
    assert opened.evaluate(INK) > 1000
    assert opened.evaluate("[...document.fonts].filter(face => face.status === 'loaded').length") == 3
    assert opened.evaluate("document.documentElement.dataset.theme") == theme
    opened.emulate_media(media="print")
    assert opened.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')") == tokens()["ink"]
    context.close()
    assert wrong == []
