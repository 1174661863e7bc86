"""An experiment on a feature bundle: probes of its arrays, from the file to a result, and what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.factories.bundles import CLASSES, add_bundle, bundle
from training import Store, catalog, execute
from training.engine.models.backbone import shape
from training.engine.verification.claims import contradictions, valid_events
from training.events import EventRecord
from training.metrics.results import summarize
from training.planning.plan import Plan, make_plan
from training.spec import ExperimentSpec, describe
from training.spec.bundles import first_models

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def birds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The bundle "birds" in a library of its own."""
    folder = tmp_path_factory.mktemp("birds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASETS_DIR", str(folder / "library"))
        add_bundle(folder, "birds")
        yield


def spec(**changes: Any) -> ExperimentSpec:
    base = {
        "data": {"name": "birds"},
        "weak": {"models": ["features:X_weak"], "epochs": 4},
        "strong": {"models": ["features:X_strong"], "epochs": 4},
        "methods": [{"kind": "naive"}, {"kind": "confidence"}, {"kind": "adaptconf"}],
        "seeds": 1,
    }
    return ExperimentSpec.model_validate(base | changes)


@pytest.fixture(scope="module")
def trained(birds: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Store, dict[str, list[Any]]]:
    """The plan of the experiment, the store of its runs, and their events."""
    plan, store = make_plan(spec()), Store(tmp_path_factory.mktemp("runs"))
    events: dict[str, list[Any]] = {key: [] for key in plan.runs}
    for key, run in plan.runs.items():
        execute(run, store, events[key].append, lambda: False)
    return plan, store, events


def test_strong_features_make_a_student_better_than_its_supervisor(trained: tuple[Plan, Store, Any]) -> None:
    plan, store, _ = trained
    group = summarize(plan, store.read_outputs, store.read_course).groups[0]
    assert group.weak
    assert group.student
    assert group.ceiling
    assert 1 / CLASSES < group.weak.value < group.student.value <= group.ceiling.value
    assert group.weak.value < 0.9
    assert group.ceiling.value > 0.95


def test_a_probe_reads_its_own_array_and_none_of_the_others(trained: tuple[Plan, Store, Any]) -> None:
    plan, store, _ = trained
    entry = catalog.dataset("birds")
    weak, strong = (plan.runs[getattr(plan.triplets[0], role)] for role in ("weak", "ceiling"))
    assert [shape(run).width for run in (weak, strong)] == [3, 16]
    assert (weak.adaptation, weak.digest, weak.max_tokens, weak.precision) == ("probe", "", 128, "auto")
    assert weak.lr == entry.models["features:X_weak"].learning_rates["probe"] != strong.lr
    stored = np.load(store.array_file(strong))
    np.testing.assert_array_equal(stored, bundle()["X_strong"])
    assert stored.dtype == np.float16


def test_the_predictions_are_those_of_the_stored_head_on_the_array(trained: tuple[Plan, Store, Any]) -> None:
    from safetensors.torch import load_file

    plan, store, _ = trained
    run = plan.runs[plan.triplets[0].ceiling]
    weights, predictions = load_file(store.weights(run.key())), store.read_predictions(run.key())
    layer = {name.rpartition(".")[2]: tensor for name, tensor in weights.items()}
    rows = np.array([int(row.removeprefix("image-")) for row in _names(predictions.id)])
    logits = torch.from_numpy(bundle()["X_strong"][rows].astype(np.float32)) @ layer["weight"].T + layer["bias"]
    np.testing.assert_allclose(predictions.prob, torch.softmax(logits, 1).numpy(), atol=1e-6)
    np.testing.assert_array_equal(predictions.gold, bundle()["truth"][rows])


def _names(ids: np.ndarray) -> list[str]:
    from training.engine.data.examples import load_examples

    rows = load_examples("birds", catalog.dataset("birds").digest)
    text = dict(zip(rows.id.tolist(), rows.text.to_pylist(), strict=True))
    return [text[row] for row in ids.tolist()]


def test_its_events_agree_with_its_files(trained: tuple[Plan, Store, dict[str, list[Any]]]) -> None:
    plan, store, events = trained
    for key, run in plan.runs.items():
        records = [EventRecord(seq=seq, attempt=1, at=NOW, event=event) for seq, event in enumerate(events[key], 1)]
        supervisor = None if run.labels == "ground-truth" else store.read_predictions(run.labels)
        files = store.read_predictions(key), store.read_trajectory(key)
        assert list(contradictions(run, valid_events(records), *files, supervisor)) == []


def problems(**changes: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as refusal:
        spec(**changes)
    return {problem.path: problem.message for problem in describe([dict(error) for error in refusal.value.errors()])}


def test_what_features_cannot_do_is_refused_with_a_sentence() -> None:
    strong = {"models": ["features:X_strong"]}
    for changes, path, sentence in (
        ({"strong": {"models": ["minilm-l1"]}}, "strong.models", "“birds” has features, which this model does not read"),
        ({"strong": {"models": ["features:none"]}}, "strong.models", "has no such array. Choose among features:X_weak"),
        ({"strong": strong | {"tuning": "full"}}, "strong.tuning", "The features of a bundle are fixed: choose a probe"),
        ({"strong": strong | {"tuning": "lora"}}, "strong.tuning", "The features of a bundle are fixed: choose a probe"),
        ({"strong": strong | {"text_epochs": 1}}, "strong.text_epochs", "Only a decoder models language"),
        ({"strong": strong | {"saliency": True}}, "strong.saliency", "A probe changes no features"),
        ({"methods": [{"kind": "imitation"}]}, "methods.0", "This method writes into texts"),
        ({"methods": [{"kind": "zero-shot"}]}, "methods.0", "This method writes into texts"),
        ({"methods": [{"kind": "cace"}]}, "methods.0", "defined for two classes, and the data set has 5"),
        ({"weak": {"models": ["features:X_weak"], "errors": "longest"}}, "weak.errors", "have no length"),
        ({"data": {"name": "movie-reviews"}}, "weak.models", "is an array of a feature bundle, and “movie-reviews” is none"),
    ):
        assert sentence in problems(**changes)[path]


def test_the_narrowest_and_the_widest_array_are_proposed() -> None:
    assert first_models(catalog.dataset("birds")) == (("features:X_weak",), ("features:X_strong",))
