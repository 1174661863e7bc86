"""One action on many experiments: each is changed or refused by itself."""

import pytest
from django.contrib.auth.models import User

from tests.factories.experiments import finish_all, launched, spec
from webapp.access import NOT_YOURS
from webapp.actions import experiments as experiment_actions
from webapp.actions import projects
from webapp.actions.bulk import Action, Request, apply, foresee_deletion
from webapp.audit.models import Entry
from webapp.experiments import services
from webapp.experiments.lifecycle import AtWork
from webapp.experiments.models import Experiment, Run, Status

pytestmark = pytest.mark.usefixtures("called")


@pytest.fixture
def drafts(owner: User) -> list[int]:
    return [services.create(owner, spec(name=f"Draft {number}")).pk for number in range(3)]


def results(action: Action, by: User, ids: list[int], tag: str = "") -> list[tuple[int, str]]:
    return [(outcome.id, outcome.result) for outcome in apply(Request(action, by, tag), ids)]


def test_each_experiment_has_its_outcome_in_the_order_of_the_request_and_only_once(owner: User, drafts: list[int]) -> None:
    first, second, third = drafts
    assert results("tag", owner, [second], "paper") == [(second, "done")]
    numbers = [third, second, 9_999, third, first]
    outcomes = apply(Request("tag", owner, "paper"), numbers)
    assert [(outcome.id, outcome.result) for outcome in outcomes] == [
        (third, "done"),
        (second, "unchanged"),
        (9_999, "refused"),
        (first, "done"),
    ]
    assert outcomes[2].reason == "There is no such experiment."
    assert results("untag", owner, drafts, "paper") == [(pk, "done") for pk in drafts]


@pytest.mark.parametrize("action", ["move", "archive", "unarchive", "stop", "delete"])
def test_what_is_not_yours_is_refused_and_the_rest_is_done(owner: User, drafts: list[int], action: Action) -> None:
    grace = User.objects.create_user("grace")
    own = services.create(grace, spec(name="Of grace"))
    project = projects.create(grace, "Paper") if action == "move" else None
    if action == "unarchive":
        Experiment.objects.update(archived_at="2026-11-01T00:00Z")
    if action == "stop":
        experiment_actions.launch(own, grace)
    before = list(Experiment.objects.filter(pk__in=drafts).order_by("pk").values())
    outcomes = apply(Request(action, grace, project=project), [*drafts, own.pk])
    assert [(outcome.result, outcome.reason) for outcome in outcomes] == [*[("refused", NOT_YOURS)] * 3, ("done", "")]
    assert list(Experiment.objects.filter(pk__in=drafts).order_by("pk").values()) == before


def test_what_trains_or_waits_is_neither_archived_nor_deleted_and_a_deletion_is_foreseen(owner: User, drafts: list[int]) -> None:
    waiting = launched(owner)
    ids = [waiting.pk, drafts[0]]
    foreseen = foresee_deletion(Request("delete", owner), ids)
    assert [(outcome.result, outcome.reason) for outcome in foreseen] == [
        ("refused", "Runs of this experiment are at work. Stop it first."),
        ("done", ""),
    ]
    assert Experiment.objects.count() == 4
    assert results("archive", owner, ids) == [(waiting.pk, "refused"), (drafts[0], "done")]
    assert apply(Request("delete", owner), ids) == foreseen
    assert not Experiment.objects.filter(pk=drafts[0]).exists()


def test_only_what_trains_or_waits_is_stopped_and_all_stops_begin_before_the_first_ends(
    owner: User, drafts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = launched(owner)
    finish_all(done)
    waiting = [launched(owner, data={"split_seed": number}) for number in (1, 2)]
    monkeypatch.setattr(experiment_actions, "REQUEST_SECONDS", 0.0)
    ids = [done.pk, drafts[0], *(experiment.pk for experiment in waiting)]
    assert [result for _, result in results("stop", owner, ids)] == ["unchanged", "unchanged", "done", "done"]
    rows = [Experiment.objects.get(pk=experiment.pk) for experiment in waiting]
    assert [row.state for row in rows] == ["stopping", "stopping"]
    experiment_actions.complete()
    rows = [Experiment.objects.get(pk=experiment.pk) for experiment in waiting]
    assert [row.state for row in rows] == ["stopped", "stopped"]
    assert not Run.objects.filter(status=Status.QUEUED).exists()
    assert Entry.objects.filter(verb="stopped").count() == 2


def test_a_launch_takes_an_experiment_out_of_the_archived_ones(owner: User) -> None:
    experiment = services.create(owner, spec())
    assert experiment_actions.archive(experiment, owner, archived=True)
    assert not experiment_actions.archive(experiment, owner, archived=True)
    experiment_actions.launch(experiment, owner)
    experiment.refresh_from_db()
    assert experiment.archived_at is None
    with pytest.raises(AtWork):
        experiment_actions.archive(experiment, owner, archived=True)
    verbs = list(Entry.objects.order_by("pk").values_list("verb", flat=True))
    assert verbs == ["archived", "launched", "unarchived"]
