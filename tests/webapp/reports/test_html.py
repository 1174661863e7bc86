"""The page is a function of its report and its links, and shows only existing links."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.webapp.reports.reading import rows
from webapp.charts import metrics
from webapp.experiments.models import Experiment
from webapp.reports.choices import Choices
from webapp.reports.composition import compose, stream
from webapp.reports.html import PageLinks, page
from webapp.reports.report import Report


def test_two_renders_are_equal_byte_for_byte(report: Report) -> None:
    links = PageLinks(chart=lambda name, how: f"/charts/{name}.{how}", pdf="/paper.pdf")
    again = Report.model_validate_json(report.model_dump_json())
    assert page(report, links) == page(again, links)
    assert "csrf" not in page(report, links)


def test_a_frozen_page_draws_its_own_rows_whatever_metrics_the_code_knows(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, drawn = report.model_dump_json(), page(report, PageLinks())
    assert "agreement_right" in drawn
    monkeypatch.setattr(metrics, "METRICS", ())
    assert page(Report.model_validate_json(stored), PageLinks()) == drawn


def test_a_frozen_page_says_of_which_day_and_version_it_is(report: Report) -> None:
    html = page(report, PageLinks())
    assert "Frozen 23 November 2026, version 2" in html
    assert "may change" not in html
    assert rows(html)["Archive, SHA-256"] == ["a1" * 32]
    assert rows(html)["This version, SHA-256"] == ["c3" * 32]


def test_a_live_page_says_that_it_may_change(done: Experiment, owner: User) -> None:
    html = page(compose(done, Choices(), owner), PageLinks())
    assert "Live, may change" in html
    assert "Frozen" not in html
    assert "How to verify" not in html


def test_what_people_wrote_is_text(done: Experiment, owner: User) -> None:
    choices = Choices(title="<script>alert(1)</script>", authors="<b>Ada</b>", notes="*Fine* </script><script>alert(1)</script>")
    html = page(compose(done, choices, owner), PageLinks())
    assert "<script>alert" not in html
    assert "&lt;b&gt;Ada&lt;/b&gt;" in html
    assert "<em>Fine</em>" in html


def test_only_existing_links_are_shown(report: Report) -> None:
    bare = page(report, PageLinks())
    assert not re.findall(r'href="/(?!static/)', bare)
    links = PageLinks(
        explorer="/examples/",
        chart=lambda name, how: f"/charts/{name}.{how}",
        offline="/offline.html",
        pdf="/paper.pdf",
        older=(("Version 1", "/v1/"),),
        address="https://lab.example/shares/x/v2/",
    )
    html = page(report, links)
    addresses = re.findall(r'href="(/(?!static/)[^"]*)"', html)
    charts = [f"/charts/{name}-0.{how}" for name in ("gap", "curves", "decomposition") for how in ("svg", "png", "csv")]
    assert sorted(addresses) == sorted([*charts, "/examples/", "/offline.html", "/paper.pdf", "/v1/"])
    assert "url    = {https://lab.example/shares/x/v2/}" in html


def test_a_streamed_chart_has_no_rows_that_would_be_drawn_twice(done: Experiment, owner: User) -> None:
    report, wire = compose(done, Choices(), owner), stream(done)
    assert wire
    html = page(report, PageLinks(wire={**wire, "socket": "/shared/x/live/"}))
    assert 'id="wire"' in html
    assert "js/live.js" in html
    assert "datasets" not in chart(html, "curves-0")
    assert "datasets" in chart(page(report, PageLinks()), "curves-0")
    assert "live.js" not in page(report, PageLinks())


def chart(html: str, name: str) -> Any:
    script = re.search(rf'<script data-chart="{name}"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert script
    return script[1]


def test_citations_of_the_page_name_its_version(report: Report) -> None:
    html = page(report.model_copy(update={"title": "50% & {more}_x"}), PageLinks())
    assert "@misc{w2slab" in html
    assert r"title  = {{50\% \&amp; more\_x}}" in html
    assert "version 2, SHA-256 c3c3c3c3c3c3c3c3" in html
    assert "year   = {2026}" in html
