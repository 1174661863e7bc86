"""The address of a comparison: experiments and runs in their order, bounded, unknown ones named, the baselines in it."""

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client

from tests.factories.experiments import finish_all, launched, spec
from tests.webapp.page_text import text
from webapp.experiments import services
from webapp.experiments.models import Experiment, Run
from webapp.pages.experiments.selection import MOST_EXPERIMENTS, Selection

pytestmark = pytest.mark.usefixtures("called")


def drafts(owner: User, number: int) -> list[int]:
    return [services.create(owner, spec(name=f"Draft {at}")).pk for at in range(number)]


def test_the_order_of_the_address_is_kept_and_each_is_there_once(owner: User) -> None:
    first, second = drafts(owner, 2)
    runs = list(launched(owner).runs.order_by("pk").values_list("pk", flat=True))
    selection = Selection(owner, QueryDict(f"r={runs[1]}&e={second}&e={first}&r={runs[0]}&e={second}&over=1.0.0&run={runs[0]}"))
    assert [experiment.pk for experiment in selection.experiments] == [second, first]
    assert [run.pk for run in selection.runs] == [runs[1], runs[0]]
    assert selection.query() == f"e={second}&e={first}&r={runs[1]}&r={runs[0]}&over=1.0.0&run={runs[0]}"
    assert selection.without(selection.runs[0]) == f"e={second}&e={first}&r={runs[0]}&over=1.0.0&run={runs[0]}"
    assert selection.without(selection.experiments[0]).startswith(f"e={first}&r=")
    assert selection.problems == []


def test_what_is_unknown_or_no_number_is_named_and_what_is_too_much_is_counted(owner: User) -> None:
    known = drafts(owner, MOST_EXPERIMENTS + 2)
    selection = Selection(owner, QueryDict("&".join([*(f"e={pk}" for pk in known), "e=one", "r=7", "r=-1", "e=" + "9" * 40])))
    assert len(selection.experiments) == MOST_EXPERIMENTS
    assert selection.problems == [
        f"There is no experiment “one”, “{'9' * 20}”.",
        f"2 further experiments are left out: a comparison has at most {MOST_EXPERIMENTS}.",
        "There is no run 7, “-1”.",
    ]


def test_a_run_whose_experiments_are_gone_is_unknown(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    run = experiment.runs.all()[0]
    experiment.delete()
    assert Run.objects.filter(pk=run.pk).exists()
    assert Selection(owner, QueryDict(f"r={run.pk}")).problems == [f"There is no run {run.pk}."]


def test_a_search_offers_others_by_name_or_number_and_without_one_parents_and_clones(owner: User, page: Client) -> None:
    parent, other = drafts(owner, 2)
    clone = services.create(owner, spec(name="The clone"), parent=Experiment.objects.get(pk=parent)).pk
    assert "Add #" not in text(page, "/compare/")
    assert f"Add #{clone} The clone" in text(page, f"/compare/?e={parent}"), "a clone"
    assert f"Add #{parent} Draft 0" in text(page, f"/compare/?e={clone}"), "its parent"
    assert f"Add #{other} Draft 1" in text(page, f"/compare/?e={clone}&find=raft+1")
    assert f"Add #{other} Draft 1" in text(page, f"/compare/?e={clone}&find=%23{other}")
    assert "No other experiment matches “nothing &lt;b&gt;”." in text(page, f"/compare/?e={clone}&find=nothing+<b>")
    html = page.get(f"/compare/?e={clone}&find=raft+1&run=3").content.decode()
    assert f"?e={clone}&amp;e={other}&amp;run=3" in html, "the rest of the address stays"


def test_pages_of_experiments_and_runs_lead_to_comparisons(owner: User, page: Client) -> None:
    parent = launched(owner, seeds=2, methods=[{"kind": "naive"}, {"kind": "confidence"}])
    clone = services.create(owner, spec(name="The clone"), parent=parent)
    assert f'href="/compare/?e={clone.pk}&amp;e={parent.pk}"' in page.get(f"/experiments/{clone.pk}/").content.decode()
    students = [part.run.pk for part in parent.parts.filter(role="student").order_by("position")]
    html = page.get(f"/runs/{students[0]}/").content.decode()
    same = [pk for pk in students if Run.objects.get(pk=pk).spec["method"] == Run.objects.get(pk=students[0]).spec["method"]]
    assert len(same) == 2
    assert f"/compare/?r={same[0]}&amp;r={same[1]}" in html
    others = [pk for pk in students if Run.objects.get(pk=pk).spec["seed"] == 0]
    assert f"/compare/?r={others[0]}&amp;r={others[1]}" in html
