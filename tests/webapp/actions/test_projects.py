"""Actions on projects, tags and saved views: what is changed, who may, and what the audit log says."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied

from tests.factories.experiments import spec
from tests.webapp.actions.conftest import Logged
from webapp.actions import experiments, projects, saved_views, tags
from webapp.audit.models import Entry
from webapp.experiments.models import Experiment
from webapp.organising.models import Project, SavedView


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return experiments.create(owner, spec())


def test_the_audit_log_has_the_life_of_a_project(owner: User, experiment: Experiment, logged: Logged) -> None:
    project = projects.create(owner, "Paper", "Why.")
    assert projects.move(experiment, project, owner)
    assert not projects.move(experiment, project, owner)
    projects.change(project, "Paper", "Why not.", owner)
    projects.change(project, "Appendix", "Why not.", owner)
    projects.delete(project, owner)
    assert logged()[1:] == [
        ("ada", "created", "project", "Paper"),
        ("ada", "project-changed", "experiment", "A test"),
        ("ada", "changed", "project", "Paper"),
        ("ada", "renamed", "project", "Appendix"),
        ("ada", "deleted", "project", "Appendix"),
    ]
    details = [entry.details for entry in Entry.objects.order_by("pk")[2:]]
    assert details == [{"to": "Paper"}, {"before": "Why."}, {"before": "Paper"}, {"experiments": 1}]


def test_a_project_is_deleted_by_its_owner_and_administrators_alone(owner: User) -> None:
    project = projects.create(owner, "Paper")
    with pytest.raises(PermissionDenied, match="Only the account that created this project"):
        projects.delete(project, User.objects.create_user("grace"))
    projects.delete(project, User.objects.create_superuser("root"))
    assert not Project.objects.exists()


def test_an_experiment_is_created_in_a_project_and_a_clone_has_the_tags_of_its_parent(owner: User) -> None:
    project, grace = projects.create(owner, "Paper"), User.objects.create_user("grace")
    parent = experiments.create(owner, spec(), project=project)
    tags.add(parent, "Ablation", owner)
    clone = experiments.create(grace, spec(), parent, parent.project)
    assert clone.project == project
    assert [(tag.name, tag.author) for tag in clone.tags.all()] == [("ablation", grace)]


def test_a_tag_is_removed_by_who_added_it_by_the_owner_of_the_experiment_and_by_administrators(
    owner: User, experiment: Experiment, logged: Logged
) -> None:
    grace, third = User.objects.create_user("grace"), User.objects.create_user("third")
    for remover in (owner, grace, User.objects.create_superuser("root")):
        assert tags.add(experiment, "#Paper", grace)
        with pytest.raises(PermissionDenied, match="Only who added this tag"):
            tags.remove(experiment, "paper", third)
        assert tags.remove(experiment, "PAPER", remover)
        assert not tags.remove(experiment, "paper", third)
    assert logged()[1:3] == [("grace", "tagged", "experiment", "A test"), ("ada", "untagged", "experiment", "A test")]
    assert Entry.objects.filter(verb="tagged")[0].details == {"tag": "paper"}


def test_only_shared_views_are_in_the_audit_log_and_viewers_share_none(people: dict[str, User | None], logged: Logged) -> None:
    owner, viewer, admin = people["owner"], people["viewer"], people["admin"]
    assert owner
    assert viewer
    assert admin
    saved_views.delete(saved_views.save(viewer, "Mine", "q=a", shared=False), viewer)
    with pytest.raises(PermissionDenied, match="change nothing"):
        saved_views.save(viewer, "Mine", "q=a", shared=True)
    assert logged() == []
    saved_views.save(owner, "Ours", "q=a", shared=True)
    private = saved_views.save(owner, "Ours", "q=b", shared=False)
    assert not saved_views.may_delete(private, admin)
    ours = saved_views.save(owner, "Ours", "q=b", shared=True)
    assert saved_views.may_delete(ours, admin)
    assert not saved_views.may_delete(ours, viewer)
    saved_views.delete(ours, admin)
    assert [entry[:3] for entry in logged()] == [
        ("ada", "shared", "view"),
        ("ada", "revoked", "view"),
        ("ada", "shared", "view"),
        ("root", "deleted", "view"),
    ]
    assert not SavedView.objects.exists()
