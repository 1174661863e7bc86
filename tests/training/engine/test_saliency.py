"""Linear probes of what a strong model gives before its training and after it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from tests.factories.runs import finish
from training import ExperimentSpec, Plan, RunSpec, Store, make_plan
from training.engine.data.examples import load_examples
from training.engine.models import backbone
from training.engine.models.features import frozen_features


def plan_of(model: Path, tuning: str = "lora", methods: tuple[dict[str, Any], ...] = ({"kind": "naive"},), **strong: Any) -> Plan:
    little = {"max_tokens": 24, "epochs": 2, "batch_size": 8, "lr": 1e-2, "saliency": True}
    return make_plan(
        ExperimentSpec.model_validate(
            {
                "data": {"name": "clear-reviews", "limit": 64, "test_fraction": 0.1},
                "weak": {"models": ["bag-of-words"], "epochs": 1},
                "strong": {"models": [str(model)], "tuning": tuning, **little, **strong},
                "seeds": 1,
                "methods": methods,
                "keep_weights": tuning == "full",
            }
        )
    )


def probes(plan: Plan) -> tuple[list[RunSpec], list[RunSpec]]:
    """Return the probes before the training, and those after it."""
    triplets = {key for triplet in plan.triplets for key in (triplet.weak, triplet.student, triplet.ceiling)}
    further = [run for key, run in plan.runs.items() if key not in triplets]
    return [run for run in further if run.features_of is None], [run for run in further if run.features_of]


def test_the_probe_before_is_shared_and_each_student_has_one_after(models: dict[str, Path]) -> None:
    plan = plan_of(models["gpt2"], methods=({"kind": "naive"}, {"kind": "confidence"}))
    before, after = probes(plan)
    assert len(before) == 1
    assert {run.features_of for run in after} == {triplet.student for triplet in plan.triplets}
    for run in (*before, *after):
        assert (run.adaptation, run.labels, run.half, run.start) == ("probe", "ground-truth", "B", None)
    assert all(run.features_of in run.needs for run in after)


@pytest.mark.parametrize(("architecture", "tuning"), [("gpt2", "lora"), ("bert", "lora"), ("llama", "full")])
def test_the_features_after_are_those_that_the_student_itself_reads(
    models: dict[str, Path], store: Store, architecture: str, tuning: str
) -> None:
    """The student's own head on them gives the student's own predictions; on the features before it gives others."""
    plan = plan_of(models[architecture], tuning)
    for run in plan.runs.values():
        finish(run, store)
    (before,), (after,) = probes(plan)
    student = plan.runs[plan.triplets[0].student]
    said, examples = store.read_predictions(student.key()), load_examples(student.dataset, student.fingerprint)
    place = {example_id: row for row, example_id in enumerate(examples.id.tolist())}
    rows = [place[example_id] for example_id in said.id.tolist()]
    weights = load_file(store.weights(student.key()))
    for run, same in ((after, True), (before, False)):
        features = frozen_features(run, examples.text, "a", store, lambda event: None, lambda: False)
        logits = torch.from_numpy(np.asarray(features[rows])) @ weights["head.linear.weight"].T + weights["head.linear.bias"]
        assert np.allclose(torch.sigmoid(logits.squeeze(1)).numpy(), said.prob, atol=1e-4) == same
    assert backbone.shape(after) == backbone.shape(before)
    assert store.read_predictions(after.key()).prob.tobytes() != store.read_predictions(before.key()).prob.tobytes()


@pytest.mark.parametrize(
    ("tuning", "keeps", "sentence"), [("probe", True, "changes no features"), ("full", False, "must be kept")]
)
def test_it_is_refused_where_there_is_nothing_to_probe(models: dict[str, Path], tuning: str, keeps: bool, sentence: str) -> None:
    settings = {"strong": {"models": [str(models["gpt2"])], "tuning": tuning, "saliency": True}, "keep_weights": keeps}
    with pytest.raises(ValidationError, match=sentence) as refused:
        ExperimentSpec.model_validate(settings)
    assert [error["loc"] for error in refused.value.errors()] == [("strong", "saliency")]
