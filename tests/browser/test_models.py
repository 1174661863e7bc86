"""Models of one's own through every door: the form, the API and the command line, with the same numbers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories.models import make_model
from tests.lab import Lab
from training import ExperimentSpec, Store, catalog, make_plan

LITTLE = {"epochs": 1, "batch_size": 16, "max_tokens": 24}


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("decoder") / "tiny-llama", "llama")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("encoder") / "tiny-bert", "bert")


def spec_of(weak: dict[str, Any], strong: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base = {"name": "Own models", "data": {"limit": 64, "test_fraction": 0.05}, "methods": [{"kind": "naive"}], "seeds": 1}
    return base | {"weak": LITTLE | weak, "strong": LITTLE | strong} | changes


def same_from_the_command_line(lab: Lab, spec: dict[str, Any], out: Path) -> None:
    """Train all of ``spec`` without the web and compare every prediction with the laboratory's."""
    recipe = out.with_suffix(".json")
    recipe.write_text(ExperimentSpec.model_validate(spec).model_dump_json())
    command = [sys.executable, "-m", "training", "run", str(recipe), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=400)
    for key in make_plan(ExperimentSpec.model_validate(spec)).runs:
        expected, other = (Store(root).read_predictions(key) for root in (out, lab.data_dir / "artifacts"))
        assert expected.prob.tobytes() == other.prob.tobytes()


@pytest.mark.timeout(900)
def test_a_decoder_teaches_an_encoder_from_the_form_and_the_command_line_agrees(
    lab: Lab, page: Page, decoder: Path, encoder: Path, tmp_path: Path
) -> None:
    own = spec_of({"models": [str(decoder)], "tuning": "full"}, {"models": [str(encoder)], "tuning": "lora", "lr": 1e-3})
    draft = lab.call("POST", "/experiments", spec_of({"models": ["bag-of-words"]}, {"models": ["bag-of-words"]}))[1]["id"]
    page.goto(f"{lab.url}/experiments/new/?from={draft}")
    for role, path, tuning in (("weak", decoder, "full"), ("strong", encoder, "lora")):
        page.locator(f"input[name={role}__models][value=bag-of-words]").uncheck()
        page.locator(f"textarea[name={role}__models]").fill(str(path))
        page.locator(f"select[name={role}__tuning]").select_option(tuning)
    page.locator("input[name=strong__lr]").evaluate("field => { field.value = '0.001' }")
    expect(page.locator("#plan")).to_contain_text("3 runs asked, 3 unique")
    page.get_by_role("button", name="Start 3 runs").click()
    page.wait_for_url(re.compile(r"/experiments/\d+/$"))
    experiment = lab.finished(int(page.url.split("/")[-2]), 400)
    assert experiment["state"] == "finished", [run["error"] for run in experiment["runs"]]
    assert experiment["spec"]["strong"]["models"] == [catalog.model(str(encoder)).name]
    expect(page.locator("#head [role=status]")).to_contain_text("Done")
    expect(page.locator("#result")).to_contain_text("tiny-bert")
    same_from_the_command_line(lab, own, tmp_path / "out")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_minilm_learns_by_full_tuning_lora_and_probe_and_the_command_line_agrees(lab: Lab, tmp_path: Path) -> None:
    tuned = spec_of({"models": ["minilm-l1"], "tuning": "full"}, {"models": ["minilm-l2"], "tuning": "lora"})
    probed = spec_of({"models": ["minilm-l1"], "tuning": "full"}, {"models": ["minilm-l2"], "tuning": "probe"})
    tuned_pk, other = lab.launch(tuned), lab.launch(probed)
    for number in (tuned_pk, other):
        experiment = lab.finished(number, 400)
        assert experiment["state"] == "finished", [run["error"] for run in experiment["runs"]]
        assert experiment["result"]["groups"][0]["agreement"] is not None
    assert lab.run(tuned_pk, "weak") == lab.run(other, "weak")  # one supervisor for both
    same_from_the_command_line(lab, tuned, tmp_path / "out")


@pytest.mark.timeout(900)
def test_a_reward_model_is_launched_and_has_agreement_and_a_gap(lab: Lab) -> None:
    small = {"models": ["bag-of-words"], "epochs": 2}
    data = {"name": "movie-preferences"}
    experiment = lab.finished(lab.launch(spec_of(small, small | {"epochs": 8}, data=data)), 120)
    group = experiment["result"]["groups"][0]
    assert experiment["state"] == "finished"
    assert group["agreement"]["supervisor_wrong"] is not None
    assert group["gap"] is not None
    assert group["state"] in ("ok", "unresolved", "inverted")
