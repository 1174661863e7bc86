"""The pages of projects, and the choice of a project for an experiment."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import launched, spec
from tests.webapp.page_text import plain, text
from tests.webapp.pages.experiments.page_forms import sent
from webapp.actions import projects, tags
from webapp.experiments import services
from webapp.experiments.models import Experiment
from webapp.organising.models import Project


@pytest.fixture
def project(owner: User) -> Project:
    return projects.create(owner, "Paper", "Figures *2* to 4.\n\n<script>alert(1)</script> <b>bold</b>")


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return services.create(owner, spec(name="Two probes"))


def test_a_project_is_created_by_a_form_that_keeps_what_is_wrong(page: Client) -> None:
    assert "There is no project yet. Create the first one" in text(page, "/projects/")
    answer = page.post("/projects/new/", {"name": "Paper", "description": "Why"}, follow=True)
    assert "<h1>Paper</h1>" in answer.content.decode()
    answer = page.post("/projects/new/", {"name": "paper", "description": "Another why"})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "Another project has this name." in html
    assert "Another why</textarea>" in html
    assert Project.objects.count() == 1


def test_a_description_is_markdown_without_html(page: Client, project: Project) -> None:
    html = page.get(f"/projects/{project.pk}/").content.decode()
    assert "<em>2</em>" in html
    assert "<script>alert" not in html
    assert "<b>bold</b>" not in html


def test_the_list_counts_experiments_and_those_at_work(
    page: Client, owner: User, project: Project, experiment: Experiment
) -> None:
    waiting, archived = launched(owner), services.create(owner, spec())
    for filed in (experiment, waiting, archived):
        projects.move(filed, project, owner)
    Experiment.objects.filter(pk=archived.pk).update(archived_at="2026-11-01T00:00Z")
    projects.create(owner, "Ablations")
    assert "Ablations 0 0 ada" in text(page, "/projects/")
    assert "&lt;b&gt;bold&lt;/b&gt; 2 1 ada" in text(page, "/projects/")


def test_a_project_is_changed_by_every_member_and_deleted_by_its_owner(page: Client, project: Project) -> None:
    grace = Client()
    grace.force_login(User.objects.create_user("grace"))
    address = f"/projects/{project.pk}/manage/"
    assert "Delete the project" in text(page, address)
    assert "Delete the project" not in text(grace, address)
    grace.post(address, {"do": "save", "name": "Appendix", "description": "Figures 5 to 9"})
    project.refresh_from_db()
    assert (project.name, project.description) == ("Appendix", "Figures 5 to 9")
    assert grace.post(address, {"do": "save", "name": " ", "description": ""}).status_code == 422
    assert grace.post(address, {"do": "delete"}).status_code == 403
    answer = page.post(address, {"do": "delete"}, follow=True)
    assert "The project Appendix is deleted. Its experiments are kept." in answer.content.decode()
    assert not Project.objects.exists()


def test_a_new_experiment_is_in_the_chosen_project_and_a_clone_in_that_of_its_parent(
    page: Client, owner: User, project: Project
) -> None:
    assert f'<option value="{project.pk}" selected>' in _html(page, f"/experiments/new/?project={project.pk}")
    assert f'<option value="{project.pk}">' in _html(page, "/experiments/new/")
    page.post("/experiments/new/", sent(spec(name="First"), project=[str(project.pk)]))
    parent = Experiment.objects.get()
    assert parent.project == project
    tags.add(parent, "paper", owner)
    assert f'<option value="{project.pk}" selected>' in _html(page, f"/experiments/new/?from={parent.pk}")
    page.post("/experiments/new/", sent(spec(name="Second"), parent=[str(parent.pk)], project=[""]))
    clone = Experiment.objects.get(name="Second")
    assert clone.project is None
    assert [tag.name for tag in clone.tags.all()] == ["paper"]


@pytest.mark.parametrize("number", ["9999", "-1", "x", "9" * 30])
def test_a_project_that_is_not_there_is_not_found(page: Client, experiment: Experiment, number: str) -> None:
    assert page.get(f"/experiments/new/?project={number}").status_code == 404
    assert page.post(f"/experiments/{experiment.pk}/manage/", {"do": "move", "project": number}).status_code == 404


def test_an_experiment_is_moved_and_archived_on_its_manage_page(page: Client, owner: User, project: Project) -> None:
    experiment = launched(owner)
    address = f"/experiments/{experiment.pk}/manage/"
    answer = page.post(address, {"do": "move", "project": str(project.pk)}, follow=True)
    assert f'<a class="link" href="/projects/{project.pk}/">Paper</a>' in _collapsed(answer.content.decode())
    answer = page.post(address, {"do": "archive", "archived": "1"})
    assert (answer.status_code, "at work. Stop it first." in answer.content.decode()) == (422, True)
    page.post(f"/experiments/{experiment.pk}/stop/")
    assert "The experiment is archived." in plain(
        page.post(address, {"do": "archive", "archived": "1"}, follow=True).content.decode()
    )
    page.post(address, {"do": "archive", "archived": "0"})
    page.post(address, {"do": "move", "project": ""})
    experiment.refresh_from_db()
    assert (experiment.archived_at, experiment.project) == (None, None)


def _html(page: Client, path: str) -> str:
    return _collapsed(page.get(path).content.decode())


def _collapsed(html: str) -> str:
    return " ".join(html.split()).replace(" >", ">")
