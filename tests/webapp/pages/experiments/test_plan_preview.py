"""The preview of a plan, which follows the form."""

import re

from django.contrib.auth.models import User
from django.test import Client

from tests.factories import states
from tests.factories.experiments import spec
from tests.webapp.page_text import plain
from tests.webapp.pages.experiments.page_forms import sent
from training import ExperimentSpec


def test_the_preview_says_what_a_launch_would_do(page: Client, owner: User) -> None:
    states.done(states.launched(owner, "Before", seeds=2))
    content = plain(page.post("/experiments/new/preview/", sent(spec(seeds=3))).content.decode())
    assert "18 runs asked, 12 unique, 8 already done" in content
    assert "Start 4 runs" in content
    content = plain(page.post("/experiments/new/preview/", sent(spec(seeds=2))).content.decode())
    assert "there is nothing to train" in content
    assert "Show the result" in content
    assert "With fewer than three seeds" in content


def test_the_preview_of_an_invalid_form_leaves_the_plan_alone(page: Client) -> None:
    html = page.post("/experiments/new/preview/", sent(ExperimentSpec(), seeds=["-1"])).content.decode()
    assert 'id="plan"' not in html
    assert "One setting needs a fix: seeds" in plain(html)
    assert re.search(r'class="help wrong" id="help-seeds"', html)


def test_the_preview_says_how_many_hidden_settings_are_not_at_their_default(page: Client) -> None:
    content = page.post("/experiments/new/preview/", sent(spec(data={"limit": 500}))).content.decode()
    assert re.search(r'id="fold-data__locked_fraction"[^>]*hx-swap-oob="true">1 not at the default<', content)
