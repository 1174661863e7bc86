"""Doing with less memory: computing states again, and going on in smaller parts when memory runs out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.factories.runs import Recording, finish, plan_with
from training import RunSpec, Store, execute
from training.engine.distributed.memory import ran_out
from training.engine.errors import TooLarge
from training.engine.models import backbone
from training.engine.models.inputs import Ragged
from training.engine.passes import Passes


def ceiling(models: dict[str, Path], architecture: str = "llama", **training: Any) -> RunSpec:
    plan = plan_with("bag-of-words", str(models[architecture]), **{"tuning": "full", "epochs": 1} | training)
    return plan.runs[plan.triplets[0].ceiling]


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bert"])
def test_gradient_checkpointing_computes_layers_again_and_changes_nothing(
    models: dict[str, Path], tmp_path: Path, architecture: str, tuning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.models.bert.modeling_bert import BertIntermediate
    from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
    from transformers.models.llama.modeling_llama import LlamaMLP

    # A part of each layer: transformers checkpoints a layer only as long as its own forward is what it was.
    layer: Any = {"llama": LlamaMLP, "gpt2": GPT2MLP, "bert": BertIntermediate}[architecture]
    calls, probs = {}, {}
    forward = layer.forward
    for checkpointing in (False, True):
        count = 0

        def counted(self: Any, *args: Any, **options: Any) -> Any:
            nonlocal count
            count += torch.is_grad_enabled()
            return forward(self, *args, **options)

        monkeypatch.setattr(layer, "forward", counted)
        run, store = (
            ceiling(models, architecture, tuning=tuning, gradient_checkpointing=checkpointing),
            Store(tmp_path / str(checkpointing)),
        )
        assert run.gradient_checkpointing == checkpointing
        finish(run, store)
        calls[checkpointing], probs[checkpointing] = count, store.read_predictions(run.key()).prob
    again = 2 if architecture == "bert" else 1  # the last of two layers keeps little where one token of a text is read
    assert calls[True] == calls[False] * (2 + again) // 2 > 0
    assert probs[True].tobytes() == probs[False].tobytes()


def full_of(limit: int, forward: Callable[..., Tensor], error: Exception) -> Callable[..., Tensor]:
    """A forward pass on a device on which at most ``limit`` texts fit."""

    def limited(self: Passes, rows: np.ndarray) -> Tensor:
        if len(rows) > limit:
            raise error
        return forward(self, rows)

    return limited


CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
ERRORS = [CUDA, RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you tried ...")]


@pytest.mark.parametrize("error", ERRORS, ids=["CUDA", "CPU"])
@pytest.mark.parametrize("method", [{"kind": "naive"}, {"kind": "confidence", "ramp": 0.0}], ids=["naive", "confidence"])
def test_where_memory_runs_out_the_step_is_repeated_in_smaller_parts(
    models: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    method: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    from training.spec import Confidence, Naive

    chosen = Naive() if method["kind"] == "naive" else Confidence(ramp=0.0)
    run = ceiling(models).model_copy(update={"method": chosen})
    roomy, cramped = Store(tmp_path / "roomy"), Store(tmp_path / "cramped")
    expected = finish(run, roomy)
    monkeypatch.setattr(Passes, "_forward", full_of(3, Passes._forward, error))
    recording = finish(run, cramped)
    assert [event.step for event in recording.of("metric")] == [event.step for event in expected.of("metric")]
    np.testing.assert_allclose(cramped.read_predictions(run.key()).prob, roomy.read_predictions(run.key()).prob, atol=1e-4)
    assert "Memory ran out" in caplog.text


def test_a_resumed_run_goes_on_with_the_parts_that_fit(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, whole, parts = ceiling(models, epochs=2), Store(tmp_path / "whole"), Store(tmp_path / "parts")
    monkeypatch.setattr(Passes, "_forward", full_of(3, Passes._forward, CUDA))
    finish(run, whole)
    recording = Recording(stop_after=lambda event: event.kind == "metric" and event.step >= 5)
    execute(run, parts, recording.emit, lambda: recording.stop)
    finish(run, parts)
    assert parts.read_predictions(run.key()).prob.tobytes() == whole.read_predictions(run.key()).prob.tobytes()


def test_a_text_that_does_not_fit_alone_fails_the_run_with_advice(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Passes, "_forward", full_of(0, Passes._forward, CUDA))
    with pytest.raises(TooLarge, match="try LoRA, gradient checkpointing, or fewer tokens"):
        finish(ceiling(models), Store(tmp_path))


def test_features_are_made_in_smaller_parts_too(models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, roomy, cramped = ceiling(models, tuning="probe"), Store(tmp_path / "roomy"), Store(tmp_path / "cramped")
    finish(run, roomy)
    pooled = backbone.pooled

    def limited(model: Any, ids: Tensor, *rest: Any) -> Tensor:
        if len(ids) > 3:
            raise CUDA
        states: Tensor = pooled(model, ids, *rest)
        return states

    monkeypatch.setattr(backbone, "pooled", limited)
    finish(run, cramped)
    np.testing.assert_allclose(cramped.read_predictions(run.key()).prob, roomy.read_predictions(run.key()).prob, atol=1e-4)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    assert not ran_out(RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"))
    assert all(ran_out(error) for error in ERRORS if isinstance(error, RuntimeError))
    assert ran_out(RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)"))


def test_parts_are_halved_until_each_holds_one_text() -> None:
    inputs: Any = Ragged.of([[1, 2, 3]] * 8, budget=12)
    sizes = []
    while inputs is not None:
        sizes.append(len(inputs.parts(np.arange(8))))
        inputs = inputs.halved()
    assert sizes == [2, 4, 8, 8]
