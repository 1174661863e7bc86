"""The page of an experiment, in every state."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import claims, states
from tests.factories.experiments import finish, finish_all, launched, spec
from tests.webapp.page_text import plain, text
from tests.webapp.pages.experiments.page_forms import address
from training.events import Progress
from webapp.experiments import results, services
from webapp.experiments.models import Experiment, Run, Status


def test_a_draft_can_be_launched(page: Client, owner: User) -> None:
    experiment = services.create(owner, spec(name="Not yet"))
    assert "Draft Movie reviews" in text(page, address(experiment))
    page.post(f"{address(experiment)}launch/")
    assert "Queued" in text(page, address(experiment))


def test_a_running_one_shows_lanes_numbers_and_a_provisional_result(page: Client, owner: User) -> None:
    experiment = states.running(owner)
    html = page.get(address(experiment)).content.decode()
    content = plain(html)
    assert "8 of 20 runs done, 1 training" in content
    assert "620 / 1,000" in content
    assert "So far, with 2 of 5 seeds: trained with a confidence loss" in content
    assert "Seeds 2, 3 and 4 are not complete." in content
    assert states.shown(html) == "curves", "while runs are at work the curves are what one sees first"


def test_a_page_asks_for_the_status_again_only_while_nothing_but_the_result_is_missing(page: Client, owner: User) -> None:
    def due(experiment: Experiment) -> bool:
        return "data-result-due" in page.get(f"{address(experiment)}status/").content.decode()

    experiment = states.launched(owner, "Due", seeds=1)
    assert not due(experiment)
    while run := experiment.runs.filter(status=Status.QUEUED).first():
        finish(run)
    assert due(experiment)
    results.refresh_result(experiment)
    assert not due(experiment)


def test_a_finished_one_tells_the_three_stop_rules_and_that_hindsight_is_no_result(page: Client, owner: User) -> None:
    experiment = states.finished(owner)
    content = text(page, address(experiment))
    table = content[content.index("Stop rules") : content.index("It is not a result")]
    group = Experiment.objects.get(pk=experiment.pk).result["groups"][0]  # type: ignore[index]
    for rule, name in (("Last step", "last"), ("Best on validation", "selected"), ("Hindsight no result", "hindsight")):
        value = f"{group['stops'][name]['accuracy']['value']:.3f}".lstrip("0")
        assert re.search(rf"{rule} [\d, to]+ {re.escape(value)} \[", table), rule
    assert group["stops"]["selected"]["accuracy"] == group["student"]
    assert "selects on the" in content[content.index("It is not a result") :][:80]


def test_an_experiment_that_stops_last_tells_two_rules(page: Client, owner: User) -> None:
    last = {"stop": "last"}
    experiment = states.done(states.launched(owner, "Last", seeds=1, weak=last, strong=last))
    table = text(page, address(experiment)).partition("Stop rules")[2]
    assert (table.count("Last step"), table.count("Best on validation")) == (2, 0)


def test_a_finished_one_claims_its_result_and_links_every_number(page: Client, owner: User) -> None:
    experiment = states.finished(owner)
    html = page.get(address(experiment)).content.decode()
    content = plain(html)
    assert re.search(
        r"Trained with a confidence loss on a weaker model’s labels, the MiniLM L4 student recovers \d+% \[\d+, \d+\] of the gap",
        content,
    )
    assert states.shown(html) == "result"
    for run in experiment.runs.all():
        assert f'href="/runs/{run.pk}/"' in html
    assert "Launch again" not in content
    assert f"/experiments/{experiment.pk}/diagnostics/?pair=0" in html


def test_the_four_cells_of_a_method_add_up_to_the_test_set(page: Client, owner: User) -> None:
    html = page.get(address(states.finished(owner))).content.decode()
    counts = [int(n.replace(",", "")) for n in re.findall(r'<span class="n">([\d,]+)<', html)]
    assert [sum(counts[:4]), sum(counts[4:])] == pytest.approx([states.ROWS, states.ROWS], abs=2)


def test_with_three_classes_an_error_is_the_same_or_another_and_all_cells_add_up(page: Client, owner: User) -> None:
    experiment = launched(owner, methods=[{"kind": "naive"}])
    finish_all(experiment, classes=3)
    content = text(page, address(experiment)).partition("student right student wrong")[2].partition("Agreement")[0]
    labels = ("both right", "new error", "corrected", "copied error", "another error")
    cells = re.findall(rf"(\d+) [\d.]+% ({'|'.join(labels)})", content)
    assert tuple(label for _, label in cells) == labels
    assert sum(int(count) for count, _ in cells) == 400
    assert "Supervisor at chance" not in text(page, address(experiment))


def test_a_supervisor_at_chance_among_three_classes_is_one_that_is_right_on_a_third(page: Client, owner: User) -> None:
    experiment = launched(owner, methods=[{"kind": "naive"}])
    finish_all(experiment, 1 / 3, classes=3)
    assert "Its accuracy does not differ from one in 3" in text(page, address(experiment))


def test_an_unresolved_one_shows_no_point_and_says_why(page: Client, owner: User) -> None:
    experiment = states.unresolved(owner)
    content = text(page, address(experiment))
    assert "Done, PGR unresolved" in content
    assert "so no share of the gap can be claimed." in content
    assert "recovers" not in content
    assert not re.search(r"\d+%\s*\[", content)
    assert "Unresolved" in text(page, "/experiments/")


def test_a_failed_one_shows_error_and_log_and_can_be_launched_again(page: Client, owner: User) -> None:
    experiment = states.failed(owner)
    content = text(page, address(experiment))
    assert re.search(r"Run \d+ failed. The loss is not finite at step 340. Its last lines Traceback", content)
    assert "Launch again" in content
    assert "no seed has all three runs" in content
    page.post(f"{address(experiment)}launch/")
    assert Run.objects.filter(status=Status.QUEUED).exists()


def test_a_stopped_one_says_so(page: Client, owner: User) -> None:
    content = text(page, address(states.stopped(owner)))
    assert "Stopped" in content
    assert "Launch again" in content


def test_stop_asks_the_runs_to_stop(page: Client, owner: User) -> None:
    experiment = states.restarted(owner)
    page.post(f"{address(experiment)}stop/")
    assert "Stopping" in text(page, address(experiment))
    run = experiment.runs.get(status=Status.STOPPING)
    assert "requested to stop by ada" in text(page, f"/runs/{run.pk}/")


def test_a_restart_is_told_with_its_reason(page: Client, owner: User) -> None:
    experiment = states.restarted(owner)
    assert re.search(
        r"Run \d+ was restarted Worker worker0@lab shut down in order during attempt 1.", text(page, address(experiment))
    )
    run = experiment.runs.get(attempt=2)
    content = text(page, f"/runs/{run.pk}/")
    assert "attempt 2" in content
    assert "goes on from step 400 of 1,000" in content


def test_a_result_that_cannot_be_computed_is_told(page: Client, owner: User) -> None:
    experiment = states.finished(owner)
    Experiment.objects.filter(pk=experiment.pk).update(result=None, result_error="Run 12 was tested on other examples.")
    assert "The result could not be computed. Run 12 was tested on other examples." in text(page, address(experiment))


def test_several_pairs_are_shown_one_at_a_time(page: Client, owner: User) -> None:
    experiment = states.ladder(owner)
    assert "the MiniLM L3 student recovers" in text(page, address(experiment))
    assert "the MiniLM L6 student recovers" in text(page, f"{address(experiment)}?pair=1")
    assert text(page, f"{address(experiment)}?pair=99")


def test_several_pairs_are_shown_together_above_the_one_that_is_open(page: Client, owner: User) -> None:
    experiment = states.ladder(owner)
    said = page.get(f"{address(experiment)}?pair=1").content.decode()
    assert said.index('id="overview"') < said.index('id="pairs"') < said.index('id="result"')
    assert {"grid-0-chart", "ladder-0-chart"} <= set(re.findall(r'data-chart="([\w-]+)"', said))
    assert re.search(r"All pairs \d pairs of models.* Median PGR .* Naive \.\d\d .* of \d", text(page, address(experiment)))
    later = page.get(f"{address(experiment)}status/?pair=1&version=older").content.decode()
    assert re.search(r'id="overview"[^>]*hx-swap-oob="true"', later)


def test_a_single_pair_has_no_overview(page: Client, owner: User) -> None:
    experiment = states.finished(owner)
    assert 'id="overview"' not in page.get(address(experiment)).content.decode()
    assert 'id="overview"' not in page.get(f"{address(experiment)}status/?pair=0&version=older").content.decode()


def test_fragments_carry_ids_and_the_result_only_when_it_is_new(page: Client, owner: User) -> None:
    experiment = states.running(owner)
    version = re.search(r'id="result-version" name="version" value="([^"]+)"', page.get(address(experiment)).content.decode())
    assert version
    same = page.get(f"{address(experiment)}status/?pair=0&version={version[1]}").content.decode()
    assert 'id="result"' not in same
    for part in ("head", "lanes", "latest", "notes", "failures"):
        assert re.search(rf'id="{part}"[^>]*hx-swap-oob="true"', same)
    assert "live-chart" not in same, "the chart is never swapped"
    later = page.get(f"{address(experiment)}status/?pair=0&version=older").content.decode()
    assert re.search(r'id="result"[^>]*hx-swap-oob="true"', later)


def test_a_running_one_says_what_happens_now_and_what_comes_next(page: Client, owner: User) -> None:
    experiment = states.running(owner)
    content = text(page, address(experiment))
    assert re.search(r"Now [a-z ,]+, seed \d: 620 / 1,000 Next [a-z ,]+, seed \d", content)
    other = states.launched(owner, "Behind it", data={"limit": 200})
    assert f"Now waiting, a worker is busy with #{experiment.pk}" in text(page, address(other))


def test_what_comes_before_a_training_shows_its_progress_in_words_and_bar(page: Client, owner: User) -> None:
    experiment = states.launched(owner, "Features")
    run = states.queued(experiment)[0]
    claims.claim(run.pk, "worker0@lab")
    claims.append_events(run.pk, 1, [Progress(phase="features", done=30, total=120)])
    html = page.get(address(experiment)).content.decode()
    assert "features 25%" in plain(html)
    assert re.search(r"data-prepares data-number=\"25\"", html)


def test_a_download_shows_its_file_and_its_bytes(page: Client, owner: User) -> None:
    experiment = states.launched(owner, "From the Hub")
    run = states.queued(experiment)[0]
    claims.claim(run.pk, "worker0@lab")
    file = Progress(phase="downloading model-00001-of-00002", done=3 * 2**30, total=12 * 2**30)
    claims.append_events(run.pk, 1, [file])
    assert "downloading 25%" in text(page, address(experiment))
    html = page.get(f"/runs/{run.pk}/").content.decode()
    assert "downloading model-00001-of-00002, 3.0 GB of 12.0 GB" in plain(html).replace("\xa0", " ")
    assert 'aria-valuenow="25.0"' in html
    assert "A stop keeps what has been downloaded" in plain(html)
    claims.append_events(run.pk, 1, [Progress(phase="waiting for the Hub", done=5, total=60)])
    assert "waiting for the Hub, 5 of 60 seconds" in text(page, f"/runs/{run.pk}/")


def test_a_stopped_one_does_not_promise_numbers(page: Client, owner: User) -> None:
    experiment = states.launched(owner, "Stopped at once")
    assert "The first numbers appear when" in text(page, address(experiment))
    version = re.search(r'name="version" value="([^"]+)"', page.get(address(experiment)).content.decode())
    assert version
    page.post(f"{address(experiment)}stop/")
    later = page.get(f"{address(experiment)}status/?pair=0&version={version[1]}").content.decode()
    assert 'id="result"' in later
    assert "The first numbers appear when" not in later
