"""The offline file is self-contained; tests/browser/test_paper.py opens it."""

import re

from webapp.reports.html import PageLinks, page
from webapp.reports.offline import offline
from webapp.reports.report import Report


def test_nothing_is_fetched_from_elsewhere(report: Report) -> None:
    html = offline(report).decode()
    scripts = re.findall(r"<script>.*?</script>|<script [^>]*>.*?</script>", html, re.DOTALL)
    rest = html
    for script in scripts:
        rest = rest.replace(script, "")
    assert not re.findall(r"<link|<img|<iframe|\ssrc=|@import", rest)
    assert set(re.findall(r"url\((\w+:)", rest)) == {"data:"}
    assert not re.findall(r"url\((?!data:)", rest)
    assert "connect-src" not in html
    assert "default-src 'none'" in html


def test_it_has_the_words_of_the_page(report: Report) -> None:
    _, _, body = offline(report).decode().rpartition("</head>")
    assert body == page(report, PageLinks()).rpartition("</head>")[2]


def test_data_cannot_end_the_script_that_it_is_in(report: Report) -> None:
    [section] = report.sections
    assert section.gap
    spec = {**section.gap.spec, "description": "</script><script>alert(1)</script>"}
    gap = section.gap.model_copy(update={"spec": spec})
    changed = report.model_copy(update={"sections": (section.model_copy(update={"gap": gap}),)})
    assert "<script>alert(1)" not in offline(changed).decode()
