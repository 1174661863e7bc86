"""A comparison of what has an unkind name, no events or an address of nonsense: pages, tables and curves hold it as text."""

import csv
import io
import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import finish_all, launched

pytestmark = pytest.mark.usefixtures("called")

NAMES = (
    "\"quoted\" 'once' <script>alert(1)</script> </script>",
    r"50% & \input{x} $x_1^2$ {y} #1 ~t -- =1+1",
    "=HYPERLINK(0) 日本語 ∞ −1",
)


def test_names_are_text_in_pages_and_in_every_file(owner: User, page: Client) -> None:
    pks = []
    for name in NAMES:
        experiment = launched(owner, name=name, seeds=1)
        finish_all(experiment)
        pks.append(experiment.pk)
    query = "&".join(f"e={pk}" for pk in pks)
    shown = page.get(f"/compare/?{query}")
    assert shown.status_code == 200
    assert "<script>alert" not in shown.text
    rows = list(csv.DictReader(io.StringIO(page.get(f"/compare/students.csv?{query}").text)))
    for pk, name in zip(pks, NAMES, strict=True):
        assert any(row["Experiment"].startswith(f"#{pk} {name}") for row in rows)
    tex = page.get(f"/compare/students.tex?{query}").text
    assert r"50\% \& \textbackslash{}input\{x\} \$x\_1\textasciicircum{}2\$ \{y\} \#1 \textasciitilde{}t -{}- =1+1" in tex
    assert json.loads(page.get(f"/compare/curves.json?{query}").text)["runs"]


def test_runs_without_events_have_an_empty_chart_and_files(owner: User, page: Client) -> None:
    experiment = launched(owner)
    run = experiment.runs.order_by("pk")[0]
    query = f"e={experiment.pk}&r={run.pk}"
    assert page.get(f"/compare/?{query}").status_code == 200
    content = page.get(f"/compare/curves.json?{query}").json()
    assert all(packed["curves"] == {} for packed in content["curves"].values())
    assert page.get(f"/compare/curves.csv?{query}").status_code == 200
    assert page.get(f"/compare/curves.rows?{query}").status_code == 200
    assert page.get(f"/compare/runs.tex?{query}").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "e=1&zoom=a~b&x=%3Cscript%3E&smooth=1e999&hide=%FF&single=%F0%9F%98%80&panel=..%2F&pin=,,,&band=%25",
        "e=-1&e=1e3&e=%FF&r=99999999999999999999&r=%2e&over=1.2.3.4&run=x&find=%27",
        "&".join(f"r={number}" for number in range(1, 201)),
    ],
)
def test_an_address_of_nonsense_is_a_page_that_says_what_is_unknown(query: str, owner: User, page: Client) -> None:
    for address in (f"/compare/?{query}", f"/compare/status/?{query}"):
        answer = page.get(address)
        assert answer.status_code == 200
    assert "There is no" in page.get(f"/compare/?{query}").text


@pytest.mark.parametrize("query", ["", "runs=", "runs=x&first=0&last=9", "runs=1&first=9&last=0", "runs=1&first=-1&last=1e9"])
def test_a_range_of_curves_that_is_none_is_not_there(query: str, page: Client, owner: User) -> None:
    assert page.get(f"/runs/curves/?{query}").status_code == 404
