"""The list of experiments."""

import re

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import states
from tests.factories.experiments import spec
from tests.webapp.page_text import text
from training.cli.recipe import read_recipe
from training.recipes import names
from webapp.experiments import services
from webapp.experiments.models import Experiment, Run, Status


def test_the_empty_list_offers_the_shipped_experiment_and_starts_it(page: Client) -> None:
    html = page.get("/experiments/").content.decode()
    assert "Nothing has run here yet." in html
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html):
        fields.setdefault(name, []).append(value)
    page.post("/experiments/new/", fields | {"do": ["launch"]})
    assert Experiment.objects.get().name == "Does a probe exceed its bag-of-words teacher?"
    assert Run.objects.filter(status=Status.QUEUED).exists()


def test_the_first_experiment_is_the_shipped_question_and_the_others_can_be_started_from(page: Client) -> None:
    assert "The first experiment asks: Does a probe exceed its bag-of-words teacher?" in text(page, "/experiments/")
    content = text(page, "/experiments/new/")
    assert "Defaults Does a probe exceed its bag-of-words teacher? Confidence sweep" in content
    for name in names():
        assert read_recipe(name).name in content


def test_a_row_says_state_models_methods_and_result(page: Client, owner: User) -> None:
    states.done(states.launched(owner, "A finished one", seeds=3))
    content = text(page, "/experiments/")
    assert "A finished one Movie reviews , Bag of words to MiniLM L4" in content
    assert re.search(r"naive, confidence loss 3 Done naive: PGR \S+ \[.*?\] confidence: PGR \S+ \[.*?\] ada", content)


def test_the_running_one_is_on_top_with_counts_and_stop(page: Client, owner: User) -> None:
    experiment = states.running(owner)
    assert f"#{experiment.pk} Replication on fresh student seeds Stop Running 8 of 20 runs done, 1 training" in text(
        page, "/experiments/"
    )


def test_the_list_is_searched_by_name_and_filtered_by_state(page: Client, owner: User) -> None:
    states.stopped(owner)
    states.restarted(owner)
    stopped = text(page, "/experiments/?q=stopped").partition("Age")[2]
    assert "A worker went away" not in stopped
    assert "Stopped early" in stopped
    running = text(page, "/experiments/?state=running").partition("Age")[2]
    assert "A worker went away" in running
    assert "Stopped early" not in running
    assert "No experiment matches." in text(page, "/experiments/?q=nothing+of+the+kind")


def test_the_list_has_pages_of_25(page: Client, owner: User) -> None:
    for number in range(26):
        services.create(owner, spec(name=f"Draft {number}"))
    assert "Draft 25" in text(page, "/experiments/")
    assert "Draft 0 " not in text(page, "/experiments/")
    assert "Draft 0 " in text(page, "/experiments/?page=2")


def test_the_list_asks_the_same_number_of_queries_however_long_it_is(page: Client, owner: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page.get("/experiments/")
        return len(captured)

    states.done(states.launched(owner, "First", seeds=1))
    few = queries()
    for number in range(5):
        states.done(states.launched(owner, f"Other {number}", seeds=2, data={"split_seed": number}))
    assert queries() == few
