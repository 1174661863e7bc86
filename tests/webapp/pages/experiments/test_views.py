"""The pages, seen by a browser without JavaScript."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.factories import states
from tests.factories.experiments import finish_all, launched, spec
from tests.webapp.page_text import plain, text
from training import ExperimentSpec
from training.cli.recipe import read_recipe
from training.events import Progress
from training.recipes import names
from webapp import notifications
from webapp.experiments import services
from webapp.experiments.models import Experiment, Run, Status
from webapp.pages.accounts.one_time_links import first_account, welcome_link
from webapp.pages.experiments.form import SpecForm


def sent(spec: ExperimentSpec, **changes: list[str]) -> dict[str, list[str]]:
    return {**SpecForm.of(spec).raw, "do": ["launch"], **changes}


def address(experiment: Experiment) -> str:
    return reverse("experiment", args=[experiment.pk])


# Who may come in.


@pytest.mark.parametrize(
    "path", ["/", "/experiments/new/", "/experiments/1/", "/experiments/1/status/", "/runs/1/", "/password/"]
)
def test_strangers_are_sent_to_the_door(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("path", ["/experiments/1/stop/", "/experiments/1/launch/", "/runs/1/stop/"])
def test_strangers_change_nothing(client: Client, db: None, path: str) -> None:
    assert client.post(path).status_code == 302
    assert Experiment.objects.count() == 0


def test_health_needs_neither_account_nor_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok"


def test_a_login_link_works_once_and_goes_where_it_says(client: Client, db: None) -> None:
    link = welcome_link("", "/experiments/new/")
    assert "Log in as admin" in client.get(link).content.decode()
    response = client.post(link)
    assert (response.status_code, response["Location"]) == (302, "/experiments/new/")
    assert client.get("/").status_code == 200
    client.logout()
    for again in (client.get(link), client.post(link)):
        assert again.status_code == 410
        assert "does not log in any more" in again.content.decode()
    assert client.get("/").status_code == 302


def test_who_only_looks_at_a_login_link_does_not_spend_it(client: Client, db: None) -> None:
    link = welcome_link("")
    for method in ("HEAD", "GET", "OPTIONS", "PUT"):
        client.generic(method, link)
        assert client.get("/").status_code == 302
    assert client.post(link).status_code == 302
    assert client.get("/").status_code == 200


def test_a_login_link_is_a_form_that_no_other_site_can_send(db: None) -> None:
    assert Client(enforce_csrf_checks=True).post(welcome_link("")).status_code == 403


def test_a_login_link_does_not_work_again_within_the_second_of_an_earlier_login(client: Client, db: None) -> None:
    user = first_account()
    moment = timezone.now().replace(microsecond=1)
    User.objects.filter(pk=user.pk).update(last_login=moment)
    link = welcome_link("")
    User.objects.filter(pk=user.pk).update(last_login=moment.replace(microsecond=2))
    assert client.post(link).status_code == 410


@pytest.mark.django_db(transaction=True)
def test_of_eight_requests_at_once_one_is_logged_in_by_a_link() -> None:
    link, together = welcome_link(""), Barrier(8)

    def press(_: int) -> int:
        together.wait()
        try:
            return Client().post(link).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(press, range(8)))
    assert answers == [302] + [410] * 7


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", "/\\elsewhere.example"]
)
def test_a_login_link_never_leads_elsewhere(client: Client, db: None, target: str) -> None:
    assert client.post(welcome_link("", target))["Location"] == "/"


def test_who_came_by_link_sets_a_password_without_an_old_one(client: Client, db: None) -> None:
    client.post(welcome_link(""))
    assert "Set a password" in text(client, "/password/")
    long = "weak to strong 2023"
    assert client.post("/password/", {"new_password1": long, "new_password2": long}).status_code == 302
    client.logout()
    assert client.post("/login/", {"username": "admin", "password": long}).status_code == 302
    assert "Old password" in text(client, "/password/")


def test_logging_out_is_a_post(page: Client) -> None:
    assert page.get("/logout/").status_code == 405
    page.post("/logout/")
    assert page.get("/").status_code == 302


# The list.


def test_the_empty_list_offers_the_shipped_experiment_and_starts_it(page: Client) -> None:
    html = page.get("/").content.decode()
    assert "Nothing has run here yet." in html
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html):
        fields.setdefault(name, []).append(value)
    page.post("/experiments/new/", fields | {"do": ["launch"]})
    assert Experiment.objects.get().name == "Does a probe exceed its bag-of-words teacher?"
    assert Run.objects.filter(status=Status.QUEUED).exists()


def test_a_row_says_state_models_methods_and_result(page: Client, owner: User) -> None:
    states.done(states.launched(owner, "A finished one", seeds=3))
    found = text(page, "/")
    assert "A finished one Movie reviews , Bag of words to MiniLM L4" in found
    assert re.search(r"naive, confidence loss 3 Done naive: PGR \S+ \[.*?\] confidence: PGR \S+ \[.*?\] ada", found)


def test_the_running_one_is_on_top_with_counts_and_stop(page: Client, owner: User) -> None:
    experiment = states.running(owner)
    assert f"#{experiment.pk} Replication on fresh student seeds Stop Running 8 of 20 runs done, 1 training" in text(page, "/")


def test_the_list_is_searched_by_name_and_filtered_by_state(page: Client, owner: User) -> None:
    states.stopped(owner)
    states.restarted(owner)
    stopped = text(page, "/?q=stopped").partition("Age")[2]
    assert "A worker went away" not in stopped
    assert "Stopped early" in stopped
    running = text(page, "/?state=running").partition("Age")[2]
    assert "A worker went away" in running
    assert "Stopped early" not in running
    assert "No experiment here is like that." in text(page, "/?q=nothing+of+the+kind")


def test_the_list_has_pages_of_25(page: Client, owner: User) -> None:
    for number in range(26):
        services.create(owner, spec(name=f"Draft {number}"))
    assert "Draft 25" in text(page, "/")
    assert "Draft 0 " not in text(page, "/")
    assert "Draft 0 " in text(page, "/?page=2")


def test_the_list_asks_the_same_number_of_queries_however_long_it_is(page: Client, owner: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page.get("/")
        return len(captured)

    states.done(states.launched(owner, "First", seeds=1))
    few = queries()
    for number in range(5):
        states.done(states.launched(owner, f"Other {number}", seeds=2, data={"split_seed": number}))
    assert queries() == few


# The form.


def test_a_valid_form_is_launched_and_leads_to_its_page(page: Client) -> None:
    wanted = spec(name="By hand", methods=[{"kind": "confidence", "weight": 0.3}, {"kind": "confidence", "weight": 0.6}])
    response = page.post("/experiments/new/", sent(wanted))
    experiment = Experiment.objects.get()
    assert response["Location"] == address(experiment)
    assert experiment.experiment_spec == wanted
    assert experiment.runs.count() == 4


def test_an_invalid_form_comes_back_whole_and_trains_nothing(page: Client) -> None:
    fields = sent(spec(name="Kept name"), strong__epochs=["none"], valid=[ExperimentSpec().model_dump_json()])
    response = page.post("/experiments/new/", fields)
    html = response.content.decode()
    assert response.status_code == 422
    assert 'value="Kept name"' in html
    assert 'name="strong__epochs" value="none"' in html
    assert "One setting needs a fix: epochs" in plain(html)
    assert "30 runs asked, 20 unique" in plain(html), "the plan of the last valid settings"
    assert Experiment.objects.count() == 0


def test_other_models_have_a_field_and_what_was_typed_comes_back(page: Client) -> None:
    html = page.post("/experiments/new/", sent(ExperimentSpec(), strong__models=["minilm-l4", "/nowhere"])).content.decode()
    assert re.search(r'<textarea[^>]*name="strong__models"[^>]*>/nowhere</textarea>', html)
    assert "No model can be read from this folder." in plain(html)
    assert Experiment.objects.count() == 0


def test_an_experiment_whose_model_is_gone_is_still_shown_and_says_so_at_its_launch(page: Client, owner: User) -> None:
    stored = ExperimentSpec().model_dump(mode="json")
    stored["strong"]["models"] = ["local:/gone/tiny"]
    experiment = Experiment.objects.create(name="Old", owner=owner, spec=stored)
    assert "Bag of words to tiny" in text(page, "/")
    assert "tiny" in text(page, address(experiment))
    response = page.post(f"/experiments/{experiment.pk}/launch/", follow=True)
    assert "No model can be read from this folder." in plain(response.content.decode())
    assert Run.objects.count() == 0


def test_without_script_rows_are_added_and_removed_by_the_server(page: Client) -> None:
    html = page.post("/experiments/new/", sent(ExperimentSpec(), do=["add:methods"])).content.decode()
    assert 'name="methods__2__kind"' in html
    html = page.post("/experiments/new/", sent(ExperimentSpec(), do=["remove:methods.0"])).content.decode()
    assert 'name="methods__1__kind"' not in html
    assert Experiment.objects.count() == 0


def test_the_preview_says_what_a_launch_would_do(page: Client, owner: User) -> None:
    states.done(states.launched(owner, "Before", seeds=2))
    found = plain(page.post("/experiments/new/preview/", sent(spec(seeds=3))).content.decode())
    assert "18 runs asked, 12 unique, 8 already done" in found
    assert "Start 4 runs" in found
    found = plain(page.post("/experiments/new/preview/", sent(spec(seeds=2))).content.decode())
    assert "nothing is to train" in found
    assert "Show the result" in found
    assert "With fewer than three seeds" in found


def test_the_preview_of_an_invalid_form_leaves_the_plan_alone(page: Client) -> None:
    html = page.post("/experiments/new/preview/", sent(ExperimentSpec(), seeds=["-1"])).content.decode()
    assert 'id="plan"' not in html
    assert "One setting needs a fix: seeds" in plain(html)
    assert re.search(r'class="help wrong" id="help-seeds"', html)


WHOLE_METHODS = {
    "bootstrapping": "choose at least two strong models",
    "zero-shot": "A prompt asks a decoder",
    "ensemble-mean": "needs at least two weak models",
}


@pytest.mark.parametrize("kind", WHOLE_METHODS)
def test_what_is_wrong_with_a_whole_method_is_said_at_its_kind(page: Client, kind: str) -> None:
    """In the whole page and in what a change of the form brings: with the reason, and a link that leads there."""
    fields = sent(spec(methods=[{"kind": "naive"}])) | {"methods__1__kind": [kind]}
    for path, data in (("/experiments/new/", fields | {"do": ["launch"]}), ("/experiments/new/preview/", fields)):
        html = page.post(path, data).content.decode()
        help_text = re.search(r'class="help wrong" id="help-methods__1__kind".*?</div>', html, re.DOTALL)
        assert help_text
        assert WHOLE_METHODS[kind] in plain(help_text[0])
        assert '<a href="#methods__1__kind">method 2</a>' in html
        assert html.count(WHOLE_METHODS[kind]) == 1


def test_every_problem_of_a_form_is_said_at_one_place_of_it(page: Client) -> None:
    """Whatever is wrong, in two methods, in a role and in the data: as many messages as problems."""
    fields = sent(spec(methods=[{"kind": "naive"}, {"kind": "confidence"}]), seeds=["0"], weak__epochs=["x"])
    fields |= {"methods__0__kind": ["zero-shot"], "methods__1__confidence__weight": ["7"]}
    form = SpecForm({name: [str(value) for value in values] for name, values in fields.items()})
    said = [message for row in form.rows for message in row.problems] + form.general
    said += [message for section in form.sections for one in section.lists for message in one.problems]
    assert sorted(said) == sorted(problem.message for problem in form.problems)
    assert len(said) >= 3


def test_every_recipe_fills_the_form(page: Client) -> None:
    assert (
        'value="Does a probe exceed its bag-of-words teacher?"'
        in page.get("/experiments/new/?recipe=movie-reviews").content.decode()
    )
    assert page.get("/experiments/new/?recipe=none-such").status_code == 404


def test_a_clone_fills_the_form_keeps_its_parent_and_says_what_it_changed(page: Client, owner: User) -> None:
    parent = states.launched(owner, "The parent", seeds=4)
    html = page.get(f"/experiments/new/?from={parent.pk}").content.decode()
    assert 'value="The parent, copy"' in html
    assert 'name="seeds" value="4"' in html
    page.post("/experiments/new/", sent(spec(name="The child", seeds=6), parent=[str(parent.pk)]))
    child = Experiment.objects.get(name="The child")
    assert child.parent == parent
    assert re.search(rf"Cloned from #{parent.pk} Seeds: 4\s+6", text(page, address(child)))


def test_a_queue_that_cannot_be_reached_is_told_and_loses_nothing(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "call", lambda *_: False)
    response = page.post("/experiments/new/", sent(spec()), follow=True)
    assert "The queue cannot be reached now. The runs are kept and start when it is back." in response.content.decode()
    assert Run.objects.filter(status=Status.QUEUED).exists()


# The page of an experiment, in every state.


def test_a_draft_can_be_launched(page: Client, owner: User) -> None:
    experiment = services.create(owner, spec(name="Not yet"))
    assert "Draft Movie reviews" in text(page, address(experiment))
    page.post(f"{address(experiment)}launch/")
    assert "Queued" in text(page, address(experiment))


def test_a_running_one_shows_lanes_numbers_and_a_provisional_result(page: Client, owner: User) -> None:
    experiment = states.running(owner)
    html = page.get(address(experiment)).content.decode()
    found = plain(html)
    assert "8 of 20 runs done, 1 training" in found
    assert "620 / 1,000" in found
    assert "So far, with 2 of 5 seeds: trained with a confidence loss" in found
    assert "Seeds 2, 3 and 4 are not complete." in found
    assert states.shown(html) == "curves", "while runs are at work the curves are what one sees first"


def test_a_finished_one_tells_the_three_stop_rules_and_that_hindsight_is_no_result(page: Client, owner: User) -> None:
    experiment = states.finished(owner)
    found = text(page, address(experiment))
    table = found[found.index("Stop rules") : found.index("It is no result")]
    group = Experiment.objects.get(pk=experiment.pk).result["groups"][0]  # type: ignore[index]
    for rule, name in (("Last step", "last"), ("Best on validation", "selected"), ("Hindsight no result", "hindsight")):
        value = f"{group['stops'][name]['accuracy']['value']:.3f}".lstrip("0")
        assert re.search(rf"{rule} [\d, to]+ {re.escape(value)} \[", table), rule
    assert group["stops"]["selected"]["accuracy"] == group["student"]
    assert "choos" in found[found.index("It is no result") :][:80]


def test_a_finished_run_says_which_step_was_selected(page: Client, owner: User) -> None:
    run = states.finished(owner).runs.first()
    found = text(page, reverse("run", args=[run.pk]))  # type: ignore[union-attr]
    assert f"at step {states.STEPS:,} of {states.STEPS:,}" in found
    assert "with hindsight" in found


def test_an_experiment_that_stops_last_tells_two_rules(page: Client, owner: User) -> None:
    last = {"stop": "last"}
    experiment = states.done(states.launched(owner, "Last", seeds=1, weak=last, strong=last))
    table = text(page, address(experiment)).partition("Stop rules")[2]
    assert (table.count("Last step"), table.count("Best on validation")) == (2, 0)


def test_a_finished_one_claims_its_result_and_links_every_number(page: Client, owner: User) -> None:
    experiment = states.finished(owner)
    html = page.get(address(experiment)).content.decode()
    found = plain(html)
    assert re.search(
        r"Trained with a confidence loss on a weaker model’s labels, the MiniLM L4 student recovers \d+% \[\d+, \d+\] of the gap",
        found,
    )
    assert states.shown(html) == "result"
    for run in experiment.runs.all():
        assert f'href="/runs/{run.pk}/"' in html
    assert "Launch again" not in found
    assert f"/experiments/{experiment.pk}/diagnostics/?pair=0" in html


def test_the_four_cells_of_a_method_add_up_to_the_test_set(page: Client, owner: User) -> None:
    html = page.get(address(states.finished(owner))).content.decode()
    counts = [int(n.replace(",", "")) for n in re.findall(r'<span class="n">([\d,]+)<', html)]
    assert [sum(counts[:4]), sum(counts[4:])] == pytest.approx([states.ROWS, states.ROWS], abs=2)


def test_with_three_classes_an_error_is_the_same_or_another_and_all_cells_add_up(page: Client, owner: User) -> None:
    experiment = launched(owner, methods=[{"kind": "naive"}])
    finish_all(experiment, classes=3)
    found = text(page, address(experiment)).partition("student right student wrong")[2].partition("Agreement")[0]
    labels = ("both right", "new error", "corrected", "copied error", "another error")
    cells = re.findall(rf"(\d+) [\d.]+% ({'|'.join(labels)})", found)
    assert tuple(label for _, label in cells) == labels
    assert sum(int(count) for count, _ in cells) == 400
    assert "Supervisor at chance" not in text(page, address(experiment))


def test_a_supervisor_at_chance_among_three_classes_is_one_that_is_right_on_a_third(page: Client, owner: User) -> None:
    experiment = launched(owner, methods=[{"kind": "naive"}])
    finish_all(experiment, 1 / 3, classes=3)
    assert "Its accuracy does not differ from one in 3" in text(page, address(experiment))


def test_an_unresolved_one_shows_no_point_and_says_why(page: Client, owner: User) -> None:
    experiment = states.unresolved(owner)
    found = text(page, address(experiment))
    assert "Done, PGR unresolved" in found
    assert "so no share of the gap can be claimed." in found
    assert "recovers" not in found
    assert not re.search(r"\d+%\s*\[", found)
    assert "Unresolved" in text(page, "/")


def test_a_failed_one_shows_error_and_log_and_can_be_launched_again(page: Client, owner: User) -> None:
    experiment = states.failed(owner)
    found = text(page, address(experiment))
    assert re.search(r"Run \d+ failed. The loss is not finite at step 340. Its last lines Traceback", found)
    assert "Launch again" in found
    assert "no seed has all three runs" in found
    page.post(f"{address(experiment)}launch/")
    assert Run.objects.filter(status=Status.QUEUED).exists()


def test_a_stopped_one_says_so(page: Client, owner: User) -> None:
    found = text(page, address(states.stopped(owner)))
    assert "Stopped" in found
    assert "Launch again" in found


def test_stop_asks_the_runs_to_stop(page: Client, owner: User) -> None:
    experiment = states.restarted(owner)
    page.post(f"{address(experiment)}stop/")
    assert "Stopping" in text(page, address(experiment))
    run = experiment.runs.get(status=Status.STOPPING)
    assert "asked to stop by ada" in text(page, f"/runs/{run.pk}/")


def test_a_restart_is_told_with_its_reason(page: Client, owner: User) -> None:
    experiment = states.restarted(owner)
    assert re.search(
        r"Run \d+ was restarted Worker worker0@lab shut down in order during attempt 1.", text(page, address(experiment))
    )
    run = experiment.runs.get(attempt=2)
    found = text(page, f"/runs/{run.pk}/")
    assert "attempt 2" in found
    assert "goes on from step 400 of 1,000" in found


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


def test_a_run_says_what_it_is_and_who_shares_it(page: Client, owner: User) -> None:
    first = states.finished(owner)
    second = states.launched(owner, "The same again", seeds=1)
    run = second.runs.get(parts__role="weak", parts__experiment=second)
    found = text(page, f"/runs/{run.pk}/")
    assert "Weak supervisor: Bag of words, seed 0 Finished accuracy ." in found
    assert f"#{first.pk} Does a probe exceed its bag-of-words teacher? as weak supervisor" in found
    assert f"#{second.pk} The same again as weak supervisor" in found
    assert run.key in found


def test_names_are_escaped_everywhere(page: Client, owner: User) -> None:
    experiment = states.done(states.launched(owner, "<script>alert(1)</script>", seeds=1))
    for path in ("/", address(experiment), f"/experiments/new/?from={experiment.pk}", f"/runs/{experiment.runs.first().pk}/"):  # type: ignore[union-attr]
        assert "<script>alert" not in page.get(path).content.decode()


Scene = Callable[[User], Experiment]


@pytest.mark.parametrize(
    "scene", [states.running, states.finished, states.unresolved, states.failed, states.stopped, states.restarted]
)
def test_no_page_has_script_of_its_own(page: Client, owner: User, scene: Scene) -> None:
    html = page.get(address(scene(owner))).content.decode()
    for attributes, inside in re.findall(r"<script([^>]*)>(.*?)</script>", html, flags=re.S):
        assert "src=" in attributes or 'type="application/json"' in attributes, inside[:80]
    assert not re.search(r"\son\w+=", re.sub(r"<script.*?</script>", "", html, flags=re.S))


def test_errors_look_like_the_laboratory(page: Client) -> None:
    assert "There is no such page." in text(page, "/experiments/9999/", status=404)
    strict = Client(enforce_csrf_checks=True)
    assert "This form is too old." in strict.post("/login/", {}).content.decode()


def test_a_running_one_says_what_happens_now_and_what_comes_next(page: Client, owner: User) -> None:
    experiment = states.running(owner)
    found = text(page, address(experiment))
    assert re.search(r"Now [a-z ,]+, seed \d: 620 / 1,000 Next [a-z ,]+, seed \d", found)
    other = states.launched(owner, "Behind it", data={"limit": 200})
    assert f"Now waiting, a worker is busy with #{experiment.pk}" in text(page, address(other))


def test_what_comes_before_a_training_shows_its_progress_in_words_and_bar(page: Client, owner: User) -> None:
    experiment = states.launched(owner, "Features")
    run = states.queued(experiment)[0]
    services.claim(run.pk, "worker0@lab")
    services.append_events(run.pk, 1, [Progress(phase="features", done=30, total=120)])
    html = page.get(address(experiment)).content.decode()
    assert "features 25%" in plain(html)
    assert re.search(r"data-prepares style=\"--p: 25.0%\"", html)


def test_a_stopped_one_does_not_promise_numbers(page: Client, owner: User) -> None:
    experiment = states.launched(owner, "Stopped at once")
    assert "The first numbers come when" in text(page, address(experiment))
    version = re.search(r'name="version" value="([^"]+)"', page.get(address(experiment)).content.decode())
    assert version
    page.post(f"{address(experiment)}stop/")
    later = page.get(f"{address(experiment)}status/?pair=0&version={version[1]}").content.decode()
    assert 'id="result"' in later
    assert "The first numbers come when" not in later


def test_the_preview_says_how_many_hidden_settings_are_not_at_their_default(page: Client) -> None:
    found = page.post("/experiments/new/preview/", sent(spec(data={"limit": 500}))).content.decode()
    assert re.search(r'id="fold-data__locked_fraction"[^>]*hx-swap-oob="true">1 not at the default<', found)


def test_the_first_experiment_is_the_shipped_question_and_the_others_can_be_started_from(page: Client) -> None:
    assert "The first one asks: Does a probe exceed its bag-of-words teacher?" in text(page, "/")
    found = text(page, "/experiments/new/")
    assert "Defaults Does a probe exceed its bag-of-words teacher? Confidence sweep" in found
    for name in names():
        assert read_recipe(name).name in found
