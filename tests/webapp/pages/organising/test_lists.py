"""Projects, tags, favourites and saved views in the list of experiments and on the page of a project."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories.experiments import spec
from tests.webapp.page_text import text
from webapp.actions import projects, saved_views, tags
from webapp.experiments import services
from webapp.experiments.models import Experiment
from webapp.organising import services as organising
from webapp.organising.models import Project


@pytest.fixture
def project(owner: User) -> Project:
    return projects.create(owner, "Paper")


@pytest.fixture
def named(owner: User, project: Project) -> dict[str, Experiment]:
    """Experiments of which one is in the project, one has a tag, one is a favourite, one is archived, and one is nothing."""
    names = ("filed", "tagged", "starred", "archived", "plain")
    made = {name: services.create(owner, spec(name=f"The {name} one")) for name in names}
    projects.move(made["filed"], project, owner)
    tags.add(made["tagged"], "Seven/more +1", owner)
    organising.set_favourite(owner, made["starred"], True)
    Experiment.objects.filter(pk=made["archived"].pk).update(archived_at="2026-11-01T00:00Z", project=project)
    return made


def shown(page: Client, address: str) -> set[str]:
    return set(re.findall(r"The (\w+) one", text(page, address)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"filed", "tagged", "starred", "plain"}),
        ("project={project}", {"filed"}),
        ("project={project}&archived=all", {"filed", "archived"}),
        ("project=none", {"tagged", "starred", "plain"}),
        ("project=999", set()),
        ("tag=seven%2Fmore+%2B1", {"tagged"}),
        ("tag=%23Seven/more+%2B1", {"tagged"}),
        ("tag=seven", set()),
        ("favourite=1", {"starred"}),
        ("favourite=1&tag=seven%2Fmore+%2B1", set()),
    ],
)
def test_the_list_is_filtered_by_project_tag_and_favourite(
    page: Client, project: Project, named: dict[str, Experiment], query: str, expected: set[str]
) -> None:
    assert shown(page, f"/experiments/?{query.format(project=project.pk)}") == expected


def test_favourites_are_those_of_the_account(page: Client, named: dict[str, Experiment]) -> None:
    grace = Client()
    grace.force_login(User.objects.create_user("grace"))
    assert shown(grace, "/experiments/?favourite=1") == set()


def test_a_row_has_its_tags_project_and_star(page: Client, project: Project, named: dict[str, Experiment]) -> None:
    html = " ".join(page.get("/experiments/").content.decode().split())
    assert 'href="/experiments/?tag=seven/more%20%2B1"' in html
    assert f'href="/projects/{project.pk}/"' in html
    pressed = re.findall(r'formaction="/experiments/(\d+)/favourite/"[^>]*aria-pressed="true"', html)
    assert pressed == [str(named["starred"].pk)]


def test_saved_views_are_links_and_the_one_that_is_shown_is_marked(page: Client, owner: User) -> None:
    services.create(owner, spec())
    saved_views.save(owner, "Finished", "sort=name&state=finished", shared=False)
    saved_views.save(User.objects.create_user("grace"), "Failed", "state=failed", shared=True)
    html = page.get("/experiments/?state=finished&sort=name").content.decode()
    views = html.partition('aria-label="Saved views"')[2].partition("</nav>")[0]
    links = re.findall(r'href="([^"]*)"\s*(aria-current="true")?\s*(?:title="([^"]*)")?\s*>([^<]*)<', views)
    assert links == [
        ("/experiments/?favourite=1", "", "", "Favourites"),
        ("/experiments/?state=finished&amp;sort=name", 'aria-current="true"', "", "Finished"),
        ("/experiments/?state=failed", "", "shared by grace", "Failed"),
    ]
    assert "Delete the view Finished" in html
    assert "Delete the view Failed" not in html


def test_the_page_of_a_project_has_the_list_of_its_experiments_alone(
    page: Client, project: Project, named: dict[str, Experiment]
) -> None:
    address = f"/projects/{project.pk}/"
    assert shown(page, address) == {"filed"}
    assert shown(page, f"{address}?archived=only") == {"archived"}
    assert shown(page, f"{address}?state=finished") == set()
    assert shown(page, f"{address}?project=none") == {"filed"}
    html = page.get(address).content.decode()
    assert f'href="{address}?state=draft"' in html
    assert 'name="project"' not in html.partition('id="bulk"')[0]
    part = page.get(address, headers={"hx-request": "true"}).content.decode()
    assert "The filed one" in part
    assert "<h1>" not in part


@pytest.mark.parametrize("address", ["/experiments/", "/projects/{project}/", "/projects/"])
def test_the_number_of_queries_does_not_grow_with_experiments_tags_and_projects(
    page: Client, owner: User, project: Project, named: dict[str, Experiment], address: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page.get(address.format(project=project.pk))
        return len(captured)

    few = queries()
    for number in range(5):
        experiment = services.create(owner, spec(name=f"Number {number}"))
        projects.move(experiment, projects.create(owner, f"Project {number}") if number % 2 else project, owner)
        tags.add(experiment, f"tag {number}", owner)
        organising.set_favourite(owner, experiment, True)
        saved_views.save(owner, f"View {number}", f"q={number}", shared=False)
    assert queries() == few


def test_a_project_without_experiments_says_how_to_get_some_and_a_search_in_it_does_not(page: Client, project: Project) -> None:
    part = page.get(f"/projects/{project.pk}/", headers={"hx-request": "true"}).content.decode()
    assert "No experiments here yet." in part
    assert f'<a href="/experiments/new/?project={project.pk}">Create one</a>' in part
    assert "No experiment matches." in text(page, f"/projects/{project.pk}/?q=x")
