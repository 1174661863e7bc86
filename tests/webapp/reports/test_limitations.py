"""The limitations are on the page, whatever the author chooses."""

import pytest
from django.contrib.auth.models import User

from tests.factories import claims
from tests.factories.experiments import finish, finish_all, launched, training_events
from training.events import RunFailed
from webapp.experiments import results, services
from webapp.experiments.models import Experiment, Part, Role, Run, Status
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.html import PageLinks, page

LEAST = Choices(title="Only good news", curves=False, examples="none")


def said(experiment: Experiment, owner: User) -> dict[str, str]:
    """Return the limitations of a report with minimal choices, after checking that each is on the page."""
    report = compose(experiment, LEAST, owner)
    html = page(report, PageLinks())
    assert all(f"<b>{note.title}.</b>" in html for note in report.limitations)
    return {note.title: note.text for note in report.limitations}


def test_they_are_there_whatever_is_chosen(done: Experiment, owner: User) -> None:
    few, many = compose(done, LEAST, owner), compose(done, Choices(examples="all"), owner)
    assert few.limitations == many.limitations
    titles = [note.title for note in few.limitations]
    assert {"One seed only", "One data set", "One split", "Uses of the test set", "Hindsight"} <= set(titles)
    assert len({note.text for note in few.limitations}) == len(titles)


def test_a_failed_seed_is_named_with_its_error(owner: User) -> None:
    experiment = launched(owner, seeds=2)
    last = Part.objects.filter(experiment=experiment, role=Role.CEILING).order_by("position").last()
    assert last
    claimed = claims.claim(last.run.pk, "worker@test")
    assert claimed
    failure = RunFailed(error="The loss is not finite at step 340.")
    claims.append_events(last.run.pk, claimed.attempt, [*training_events(), failure])
    finish_all(experiment)
    notes = said(experiment, owner)
    assert notes["Not in the numbers"] == "Strong ceiling MiniLM L4, seed 1, failed: The loss is not finite at step 340."
    assert notes["Provisional"] == "Seed 1 is not complete."


@pytest.mark.parametrize(
    ("error", "public"),
    [
        (
            "The store /srv/lab/artifacts cannot be read or written: No space.",
            "The store [removed] cannot be read or written: No space.",
        ),
        ("OSError: [Errno 2] No such file: '/home/ada/my data/x.bin'", "OSError: [Errno 2] No such file: '[removed]'"),
        ("3 workers died, the last one was worker1@gpu-7.example.org.", "3 workers died, the last one was [removed]."),
        ("Loss and/or accuracy is not finite (1/2).", "Loss and/or accuracy is not finite (1/2)."),
    ],
)
def test_a_failure_names_neither_folders_nor_machines(done: Experiment, owner: User, error: str, public: str) -> None:
    run = done.runs.order_by("pk").last()
    assert run
    run.status, run.error = Status.FAILED, error
    run.save()
    assert any(sentence.endswith(f", failed: {public}") for sentence in compose(done, LEAST, owner).provenance.exclusions)


def test_a_page_made_while_runs_are_at_work_says_so(owner: User) -> None:
    experiment = launched(owner, seeds=2)
    for _ in range(4):
        run = experiment.runs.filter(status=Status.QUEUED).order_by("pk").first()
        assert run
        finish(run)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    notes = said(experiment, owner)
    assert "Not finished" in notes
    assert "Provisional" in notes
    assert "has not finished" in notes["Not in the numbers"]


def test_a_supervisor_at_chance_is_reported(owner: User) -> None:
    experiment = launched(owner)
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        finish(run, 0.5 if run.parts.filter(role=Role.WEAK).exists() else None)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    assert "Supervisor at chance" in said(experiment, owner)


def test_warnings_about_the_data_are_among_them(done: Experiment, owner: User) -> None:
    assert done.result
    done.result["data_warnings"] = ["Length alone tells the classes apart."]
    assert said(done, owner)["About the data"] == "Length alone tells the classes apart."


def test_runs_from_another_laboratory_are_reported(done: Experiment, owner: User) -> None:
    run, origin = done.runs.order_by("pk")[0], {"number": 7, "owner": "grace", "content": "ab" * 32}
    Run.objects.filter(pk=run.pk).update(claimed_key="cd" * 32, origin=origin)
    text = said(done, owner)["Trained elsewhere"]
    assert "1 of 4 runs came in an archive: experiment 7 of grace in another laboratory, archive abab" in text
    Run.objects.filter(pk=run.pk).update(origin=origin | {"number": None, "owner": ""})
    assert "came in an archive: runs from the command line, archive abab" in said(done, owner)["Trained elsewhere"]


def test_experiments_on_the_same_test_examples_are_counted(done: Experiment, owner: User) -> None:
    assert said(done, owner)["Uses of the test set"].startswith("No other experiment")
    launched(owner, seeds=2)
    launched(owner, data={"split_seed": 5})
    services.create(owner, done.experiment_spec)
    assert said(done, owner)["Uses of the test set"].startswith("2 experiments")


def test_pairs_without_a_complete_seed_are_counted(owner: User) -> None:
    experiment = launched(owner, strong={"models": ["minilm-l3", "minilm-l4"]})
    keys = experiment.triplets[0]["ceiling"], experiment.triplets[0]["weak"], experiment.triplets[0]["student"]
    for key in (keys[1], keys[0], keys[2]):
        finish(experiment.runs.get(key=key))
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    assert said(experiment, owner)["Pairs without a result"] == "1 pair of 2 has no complete seed."
