"""Work on attributions, in a child process."""

from pathlib import Path

import pytest

from tests.factories.damage import damaged
from training import ExperimentSpec, execute, make_plan
from webapp.artifact_store import artifact_store
from webapp.attributions import queries, services
from webapp.attributions.models import State
from webapp.jobs import attributions, chores

pytestmark = pytest.mark.django_db

SPEC = {
    "data": {"limit": 64},
    "weak": {"models": ["bag-of-words"], "epochs": 1},
    "strong": {"models": ["bag-of-words"], "epochs": 1},
    "methods": [{"kind": "naive"}],
    "seeds": 1,
}


@pytest.fixture
def trained(settings: pytest.FixtureRequest, tmp_path: Path) -> tuple[tuple[str, str], int]:
    """The keys of a supervisor and a ceiling, and the id of a test example."""
    settings.ARTIFACTS_DIR, settings.LOG_DIR = tmp_path, tmp_path / "logs"  # type: ignore[attr-defined]
    plan, store = make_plan(ExperimentSpec.model_validate(SPEC)), artifact_store()
    keys = plan.triplets[0].weak, plan.triplets[0].ceiling
    for key in keys:
        execute(plan.runs[key], store, lambda event: None, lambda: False)
    return keys, int(store.read_predictions(keys[0]).part("test").id[0])


def test_the_worker_asks_both_models_and_keeps_their_answers(trained: tuple[tuple[str, str], int]) -> None:
    keys, example = trained
    damaged(artifact_store().weights(keys[1]), Path.unlink)
    services.request(keys, example)
    chores.work()
    rows = queries.requested(keys, example)
    answer = rows[keys[0]].attribution
    assert answer is not None
    assert (answer.run, answer.id) == (keys[0], example)
    assert answer.pieces
    assert rows[keys[1]].state == State.FAILED
    assert rows[keys[1]].error.startswith("This run has left no weights.")


def test_a_child_that_takes_too_long_is_ended_and_says_so(
    trained: tuple[tuple[str, str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, example = trained
    monkeypatch.setattr(attributions, "LONGEST_SECONDS", 0.05)
    services.request(keys, example)
    chores.work()
    assert {row.error for row in queries.requested(keys, example).values()} == {attributions.TOO_LONG}


def test_a_child_that_cannot_start_leaves_a_sentence(trained: tuple[tuple[str, str], int]) -> None:
    keys, _ = trained
    services.request(keys, -5)
    chores.work()
    assert {row.error for row in queries.requested(keys, -5).values()} == {attributions.NO_ANSWER}


def test_a_worker_that_shuts_down_gives_its_attributions_back(trained: tuple[tuple[str, str], int], shutdown: None) -> None:
    keys, example = trained
    services.request(keys, example)
    attributions.work(services.claim_next())
    assert {row.state for row in queries.requested(keys, example).values()} == {State.QUEUED}
