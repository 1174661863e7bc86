"""Decoders learn the texts of half B before students and ceilings begin, by language modelling and without a label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.factories.runs import Recording, finish
from training import ExperimentSpec, Plan, RunSpec, Store, execute, make_plan
from training.engine.models import backbone
from training.engine.models import classifiers as engine_models
from training.engine.models.classifiers import build
from training.metrics.results import summarize


def plan_of(model: Path | str, tuning: str = "full", data: str = "clear-reviews", **changes: Any) -> Plan:
    little = {"max_tokens": 24, "epochs": 1, "batch_size": 8, "lr": 1e-3, "text_epochs": 1}
    strong = {"models": [str(model)], "tuning": tuning, **little}
    return make_plan(
        ExperimentSpec.model_validate(
            {
                "data": {"name": data, "limit": 64, "test_fraction": 0.05, "locked_fraction": 0},
                "weak": {"models": ["bag-of-words"], "epochs": 1},
                "strong": strong | changes.pop("strong", {}),
                "seeds": 1,
                "methods": [{"kind": "naive"}],
                **changes,
            }
        )
    )


def reader_of(plan: Plan) -> RunSpec:
    [reader] = [run for run in plan.runs.values() if run.reads]
    return reader


def some_texts() -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask of three texts of 7, 4 and 1 tokens."""
    lengths = torch.tensor([7, 4, 1])
    mask = (torch.arange(7) < lengths[:, None]).float()
    ids = torch.randint(3, 40, (3, 7), generator=torch.Generator().manual_seed(0)) * mask.long()
    return ids, mask


def test_one_run_on_texts_is_before_all_students_and_the_ceiling_of_a_model(models: dict[str, Path]) -> None:
    plan = plan_of(models["gpt2"])
    reader = reader_of(plan)
    assert (reader.half, reader.labels, reader.stop) == ("B", "ground-truth", "last")
    for triplet in plan.triplets:
        assert plan.runs[triplet.student].start == plan.runs[triplet.ceiling].start == reader.key()
        assert plan.runs[triplet.weak].start is None


def test_without_it_every_key_is_what_it_was(models: dict[str, Path]) -> None:
    with_texts, without = plan_of(models["gpt2"]), plan_of(models["gpt2"], strong={"text_epochs": 0})
    assert not any(run.reads for run in without.runs.values())
    naive = without.runs[without.triplets[0].student]
    assert naive.model_copy(update={"start": reader_of(with_texts).key()}).key() == with_texts.triplets[0].student


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_what_a_text_costs_is_the_mean_over_its_tokens_of_what_the_whole_model_says(
    models: dict[str, Path], architecture: str
) -> None:
    run = reader_of(plan_of(models[architecture]))
    reader, (ids, mask) = build(run), some_texts()
    whole = AutoModelForCausalLM.from_pretrained(models[architecture])
    with torch.no_grad():
        for text, cost in zip(range(3), reader(ids, mask).tolist(), strict=True):
            length = int(mask[text].sum())
            log = whole(input_ids=ids[text : text + 1, :length]).logits[0].log_softmax(-1)
            nats = [-log[place, ids[text, place + 1]].item() for place in range(length - 1)]
            assert cost == pytest.approx(np.mean(nats) if nats else 0, abs=1e-5)


def test_its_gradient_is_that_of_the_whole_model(models: dict[str, Path]) -> None:
    run = reader_of(plan_of(models["gpt2"]))
    reader, (ids, mask) = build(run), some_texts()
    reader(ids, mask).mean().backward()
    whole = AutoModelForCausalLM.from_pretrained(models["gpt2"])
    total = torch.zeros(())
    for text in (0, 1):
        length = int(mask[text].sum())
        log = whole(input_ids=ids[text : text + 1, :length]).logits[0].log_softmax(-1)
        total = total - log[torch.arange(length - 1), ids[text, 1:length]].mean()
    (total / 3).backward()  # type: ignore[no-untyped-call]
    expected = dict(whole.base_model.named_parameters())
    own = dict(reader.get_submodule("backbone").named_parameters())
    assert own.keys() == expected.keys()
    for name, parameter in own.items():
        torch.testing.assert_close(parameter.grad, expected[name].grad, atol=1e-5, rtol=1e-3)


def test_pieces_of_the_vocabulary_s_logits_change_nothing(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, (ids, mask) = build(reader_of(plan_of(models["gpt2"]))), some_texts()
    at_once = reader(ids, mask)
    monkeypatch.setattr(engine_models, "TOKENS", 2)
    torch.testing.assert_close(reader(ids, mask), at_once)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_it_runs_from_the_spec_to_a_result_and_learns_the_texts(models: dict[str, Path], store: Store, tuning: str) -> None:
    plan = plan_of(models["gpt2"], tuning, strong={"text_epochs": 3, "lr": 1e-2})
    courses = {key: finish(run, store) for key, run in plan.runs.items()}
    reader = reader_of(plan)
    costs = [event.validation_loss for event in courses[reader.key()].of("evaluation")]
    assert costs[-1] < costs[0] - 0.05
    assert all(event.accuracy is None for event in courses[reader.key()].of("evaluation"))
    [end] = courses[reader.key()].of("finished")
    assert (end.accuracy, end.last_step) == (None, courses[reader.key()].of("started")[0].total_steps)
    assert len(store.read_predictions(reader.key()).id) == 0
    result = summarize(plan, store.read_predictions, store.read_trajectory)
    assert [group.student is not None for group in result.groups] == [True]


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_students_begin_with_what_it_learned_and_a_head_of_their_own(models: dict[str, Path], store: Store, tuning: str) -> None:
    """A ceiling that hardly moves has the reader's weights, and the head that it would have without texts."""
    still = {"lr": 1e-12, "head_start": "unembedding"}
    plan = plan_of(models["gpt2"], tuning, strong=still, keep_weights=True)
    ceiling = plan.runs[plan.triplets[0].ceiling]
    learned = reader_of(plan).model_copy(update={"lr": 1e-2})
    finish(learned, store)
    ceiling = ceiling.model_copy(update={"start": learned.key()})
    finish(ceiling, store)
    before, after = (load_file(store.weights(run.key())) for run in (learned, ceiling))
    assert {name for name in after if not name.startswith("head.")} == before.keys()
    fresh = build(learned).state_dict()
    assert max((tensor - fresh[name]).abs().max().item() for name, tensor in before.items()) > 1e-3
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, atol=1e-6, rtol=0)
    torch.testing.assert_close(after["head.linear.weight"], backbone.directions(ceiling, 2).weight, atol=1e-6, rtol=0)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_interrupted_and_resumed_it_leaves_the_same_weights(models: dict[str, Path], tmp_path: Path, tuning: str) -> None:
    run = reader_of(plan_of(models["llama"], tuning))
    whole, parts = Store(tmp_path / "whole"), Store(tmp_path / "parts")
    finish(run, whole)
    recording = Recording(stop_after=lambda event: event.kind == "metric" and event.step >= 3)
    execute(run, parts, recording.emit, lambda: recording.stop)
    assert finish(run, parts).of("started")[0].resumed_from == 3
    first, two = (load_file(store.weights(run.key())) for store in (whole, parts))
    assert all(torch.equal(first[name], two[name]) for name in first)
    assert not any(name.startswith("unembedding.") for name in first)


def test_of_pairs_both_texts_are_learned_whichever_is_preferred(models: dict[str, Path], store: Store) -> None:
    plan = plan_of(models["gpt2"], data="movie-preferences")
    reader = build(reader_of(plan), pairs=True)
    ids, mask = some_texts()
    both = reader(ids, mask, ids.flip(0), mask.flip(0))
    torch.testing.assert_close(both, (reader(ids, mask) + reader(ids, mask).flip(0)) / 2)
    for run in plan.runs.values():
        finish(run, store)
    assert summarize(plan, store.read_predictions, store.read_trajectory).groups[0].student is not None


@pytest.mark.parametrize(
    ("model", "tuning", "sentence"), [("gpt2", "probe", "trains no transformer"), ("bert", "lora", "is none")]
)
def test_what_cannot_learn_texts_is_refused_at_the_setting(
    models: dict[str, Path], model: str, tuning: str, sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence) as refused:
        plan_of(models[model], tuning)
    assert [error["loc"] for error in refused.value.errors()] == [("strong", "text_epochs")]


def test_a_prompted_model_is_asked_as_it_was_published(models: dict[str, Path]) -> None:
    plan = plan_of(models["gpt2"], methods=[{"kind": "zero-shot"}])
    assert plan.runs[plan.triplets[0].student].start is None
