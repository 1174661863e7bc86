"""Projects, tags, favourites, saved views and bulk actions in the API."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.factories.api_clients import api_of
from tests.factories.experiments import launched, spec
from webapp.experiments import services
from webapp.experiments.models import Experiment
from webapp.organising.models import Project

pytestmark = pytest.mark.usefixtures("called")


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return services.create(owner, spec())


@pytest.fixture
def ask(owner: User) -> Any:
    return api_of(owner)


def test_a_project_is_created_changed_filled_counted_and_deleted(ask: Any, experiment: Experiment) -> None:
    status, project = ask("POST", "/projects", {"name": "Paper", "description": "*Why*"})
    assert (status, project["name"], project["description"], project["experiments"]) == (201, "Paper", "*Why*", 0)
    assert ask("PATCH", f"/experiments/{experiment.pk}", {"project": project["id"]})[1]["project"] == project["id"]
    assert ask("PATCH", f"/projects/{project['id']}", {"name": "Appendix"})[1] == project | {"name": "Appendix", "experiments": 1}
    ask("PATCH", f"/experiments/{experiment.pk}", {"archived": True})
    assert ask("GET", "/projects")[1]["projects"] == [project | {"name": "Appendix"}]
    assert ask("DELETE", f"/projects/{project['id']}") == (204, None)
    assert ask("GET", f"/experiments/{experiment.pk}")[1]["project"] is None


def test_a_name_that_a_project_may_not_have_is_refused_at_its_field(ask: Any) -> None:
    ask("POST", "/projects", {"name": "Paper"})
    empty = "A name has 1 to 80 characters, at least one of them visible."
    for name, message in (("paper", "Another project has this name."), ("  ", empty)):
        assert ask("POST", "/projects", {"name": name}) == (422, {"errors": [{"path": "name", "message": message}]})


def test_an_experiment_is_created_in_a_project_and_a_clone_is_in_that_of_its_parent(ask: Any, owner: User) -> None:
    project = Project.objects.create(name="Paper", owner=owner).pk
    _, parent = ask("POST", f"/experiments?project={project}", {"name": "First"})
    ask("PUT", f"/experiments/{parent['id']}/tags/paper")
    _, clone = ask("POST", f"/experiments?parent={parent['id']}", {"name": "Second"})
    assert [(made["project"], made["tags"]) for made in (parent, clone)] == [(project, []), (project, ["paper"])]
    assert ask("POST", "/experiments?project=9999", {"name": "Third"})[0] == 404
    assert ask("PATCH", f"/experiments/{clone['id']}", {"project": None})[1]["project"] is None
    assert ask("PATCH", f"/experiments/{clone['id']}", {"name": "Another"})[1]["project"] is None


def test_tags_and_favourites_are_put_once_and_removed_without_error(ask: Any, owner: User, experiment: Experiment) -> None:
    path, other = f"/experiments/{experiment.pk}", api_of(User.objects.create_user("grace"))
    for _ in range(2):
        assert ask("PUT", f"{path}/tags/%23Paper") == (200, {"tags": ["paper"], "favourite": False})
    assert ask("PUT", f"{path}/tags/!")[1]["errors"][0]["path"] == "tag"
    assert other("PUT", f"{path}/tags/a/b") == (200, {"tags": ["a/b", "paper"], "favourite": False})
    assert ask("PUT", f"{path}/favourite") == (200, {"tags": ["a/b", "paper"], "favourite": True})
    assert other("DELETE", f"{path}/tags/paper")[0] == 403
    for _ in range(2):
        assert other("DELETE", f"{path}/tags/A%2FB") == (200, {"tags": ["paper"], "favourite": False})
        assert ask("DELETE", f"{path}/favourite") == (200, {"tags": ["paper"], "favourite": False})


def test_an_experiment_is_archived_unless_it_is_at_work(ask: Any, owner: User, experiment: Experiment) -> None:
    path = f"/experiments/{experiment.pk}"
    assert ask("PATCH", path, {"archived": True})[1]["archived"] is True
    assert ask("PATCH", path, {"archived": False})[1]["archived"] is False
    answer = ask("PATCH", f"/experiments/{launched(owner).pk}", {"archived": True})
    assert answer == (409, {"errors": [{"path": "", "message": "Runs of this experiment are at work. Stop it first."}]})


def test_saved_views_are_listed_replaced_shared_and_deleted(ask: Any, owner: User) -> None:
    other = api_of(User.objects.create_user("grace"))
    _, private = ask("POST", "/views", {"name": "Finished", "query": "state=finished&page=2"})
    assert private == {"id": private["id"], "name": "Finished", "query": "state=finished", "owner": "ada", "shared": False}
    assert other("GET", "/views") == (200, {"views": []})
    assert other("DELETE", f"/views/{private['id']}")[0] == 404
    _, shared = ask("POST", "/views", {"name": "Finished", "query": "state=finished", "shared": True})
    assert other("GET", "/views")[1] == ask("GET", "/views")[1] == {"views": [private | {"shared": True}]}
    assert shared["id"] == private["id"]
    assert other("DELETE", f"/views/{private['id']}")[0] == 403
    assert ask("DELETE", f"/views/{private['id']}") == (204, None)


def test_a_bulk_action_answers_for_each_experiment(ask: Any, owner: User, experiment: Experiment) -> None:
    working = launched(owner)
    status, answer = ask("POST", "/experiments/bulk", {"action": "delete", "experiments": [experiment.pk, working.pk]})
    assert (status, answer["outcomes"]) == (
        200,
        [
            {"id": experiment.pk, "name": "A test", "result": "done", "reason": ""},
            {
                "id": working.pk,
                "name": "A test",
                "result": "refused",
                "reason": "Runs of this experiment are at work. Stop it first.",
            },
        ],
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"action": "explode", "experiments": [1]}, "action"),
        ({"action": "stop", "experiments": []}, "experiments"),
        ({"action": "stop", "experiments": list(range(1, 502))}, "experiments"),
        ({"action": "tag", "experiments": [1]}, "tag"),
    ],
)
def test_a_wrong_bulk_action_is_refused_at_its_field(ask: Any, body: dict[str, object], path: str) -> None:
    status, answer = ask("POST", "/experiments/bulk", body)
    assert (status, answer["errors"][0]["path"]) == (422, path)


def test_a_bulk_move_to_a_project_that_is_not_there_changes_nothing(ask: Any, experiment: Experiment) -> None:
    assert ask("POST", "/experiments/bulk", {"action": "move", "experiments": [experiment.pk], "project": 9999})[0] == 404
