"""The form of an experiment as a page: launching, cloning, and its errors."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from kombu.exceptions import OperationalError

from tests.factories import states
from tests.factories.experiments import spec
from tests.webapp.page_text import plain, text
from tests.webapp.pages.experiments.page_forms import address, sent
from training import ExperimentSpec
from webapp.celery import app
from webapp.experiments.models import Experiment, Run, Status
from webapp.pages.experiments.form import SpecForm


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
    models = {"weak_model": "bag-of-words", "strong_model": "local:/gone/tiny"}
    experiment = Experiment.objects.create(name="Old", owner=owner, spec=stored, **models)
    assert "Bag of words to tiny" in text(page, "/experiments/")
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


WHOLE_METHODS = {
    "bootstrapping": "choose at least two strong models",
    "zero-shot": "A prompt asks a decoder",
    "ensemble-mean": "needs at least two weak models",
}


@pytest.mark.parametrize("kind", WHOLE_METHODS)
def test_what_is_wrong_with_a_whole_method_is_said_at_its_kind(page: Client, kind: str) -> None:
    """Both the page and the preview have the reason once, at the select, and a link to it."""
    fields = sent(spec(methods=[{"kind": "naive"}])) | {"methods__1__kind": [kind]}
    for path, data in (("/experiments/new/", fields | {"do": ["launch"]}), ("/experiments/new/preview/", fields)):
        html = page.post(path, data).content.decode()
        help_text = re.search(r'class="help wrong" id="help-methods__1__kind".*?</div>', html, re.DOTALL)
        assert help_text
        assert WHOLE_METHODS[kind] in plain(help_text[0])
        assert '<a href="#methods__1__kind">method 2</a>' in html
        assert html.count(WHOLE_METHODS[kind]) == 1


def test_every_problem_of_a_form_is_said_at_one_place_of_it(page: Client) -> None:
    """Problems in two methods, a role and the data have one message each."""
    fields = sent(spec(methods=[{"kind": "naive"}, {"kind": "confidence"}]), seeds=["0"], weak__epochs=["x"])
    fields |= {"methods__0__kind": ["zero-shot"], "methods__1__confidence__weight": ["7"]}
    form = SpecForm({name: [str(value) for value in values] for name, values in fields.items()})
    said = [message for row in form.rows for message in row.problems] + form.general
    said += [message for section in form.sections for block_list in section.lists for message in block_list.problems]
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

    def away(*_: object, **__: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(app, "send_task", away)
    response = page.post("/experiments/new/", sent(spec()), follow=True)
    assert "The queue cannot be reached now. The runs are stored and start when it is back." in response.content.decode()
    assert Run.objects.filter(status=Status.QUEUED).exists()


def test_a_section_is_named_after_the_settings_that_it_shows_unfolded() -> None:
    assert [section.title for section in SpecForm.of(ExperimentSpec()).sections][-1] == "Methods and seeds"
