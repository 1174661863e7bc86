"""Permissions for experiments, runs, imports and data sets that belong to one account."""

from contextlib import nullcontext

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import launched
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from webapp.access import Access, access_of, may_change, may_stop
from webapp.imports import services as imports
from webapp.imports.models import Import, State

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]


def test_only_who_may_stop_it_sees_the_button(people: dict[str, User | None], owner: User) -> None:
    experiment = launched(owner)
    run = experiment.runs.first()
    assert run
    for person, user in people.items():
        client = Client()
        if user:
            client.force_login(user)
            for path in (f"/experiments/{experiment.pk}/", f"/experiments/{experiment.pk}/status/", f"/runs/{run.pk}/"):
                assert ("/stop/" in client.get(path).content.decode()) == (person in ("owner", "admin")), f"{path} by {person}"


def test_another_members_import_is_left_as_it_is_and_has_no_buttons(people: dict[str, User | None], owner: User) -> None:
    brought = Import.objects.create(owner=owner, file_name="some.csv", state=State.CHECKED, look={}, mapping={})
    for person in ("viewer", "other"):
        client, user = Client(), people[person]
        assert user
        client.force_login(user)
        for act in ("check", "again", "change", "stop", "save", "discard"):
            answer = client.post(f"/datasets/imports/{brought.pk}/{act}/", {"name": "mine"})
            assert answer.status_code == 403, act
        Import.objects.filter(pk=brought.pk).update(look=None, mapping=None)
        assert f"/datasets/imports/{brought.pk}/" not in client.get(f"/datasets/imports/{brought.pk}/").content.decode().replace(
            f'hx-get="/datasets/imports/{brought.pk}/"', ""
        )
    brought.refresh_from_db()
    assert (brought.state, brought.stop_asked) == (State.CHECKED, False)


def test_the_description_of_a_saved_data_set_is_changed_by_its_importer_and_by_admins(
    people: dict[str, User | None], owner: User
) -> None:
    about = About.model_validate({"name": "reviews"})
    Import.objects.create(owner=owner, file_name="some.csv", state=State.SAVED, shelved="reviews")
    classes = [{"name": name, "values": [name]} for name in ("no", "yes")]
    mapping = Mapping.model_validate({"kind": "labelled", "text": "text", "label": "label", "classes": classes})
    for person, refused in (("other", True), ("owner", False), ("admin", False)):
        user = people[person]
        assert user
        imported = Import.objects.create(owner=user, file_name="same.csv")
        with pytest.raises(ValueError, match="belongs to ada") if refused else nullcontext():
            imports.check(imported, mapping, about)
        imported.refresh_from_db()
        assert (imported.state == State.QUEUED) == (not refused)


def test_a_run_that_two_experiments_have_is_stopped_by_either_owner_unless_that_is_a_viewer(
    people: dict[str, User | None], owner: User
) -> None:
    experiment, other, viewer = launched(owner), people["other"], people["viewer"]
    run = experiment.runs.first()
    assert run
    assert other
    assert viewer
    assert not may_stop(other, run)
    launched(other)
    assert may_stop(other, run)
    assert not may_change(other, experiment)
    own_experiment = launched(viewer)
    assert access_of(viewer) == Access.VIEWER
    assert not may_change(viewer, own_experiment)
    assert not may_stop(viewer, run)
