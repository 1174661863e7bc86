from pathlib import Path

import numpy as np
import pytest
import torch

from tests.factories.runs import finish, plan_with
from training import RunSpec, Store
from training.engine.errors import EngineError
from training.engine.models.features import features_path
from training.engine.models.precision import resolve
from training.spec import Precision

CPU = torch.device("cpu")


def ceiling(models: dict[str, Path], precision: str, tuning: str = "full") -> RunSpec:
    plan = plan_with("bag-of-words", str(models["llama"]), tuning=tuning, precision=precision)
    return plan.runs[plan.triplets[0].ceiling]


@pytest.mark.parametrize(("requested", "computed"), [("auto", "fp32"), ("fp32", "fp32"), ("bf16", "bf16")])
def test_a_cpu_computes_in_fp32_unless_asked_for_bf16(requested: Precision, computed: str) -> None:
    assert resolve(requested, CPU) == computed


def test_auto_is_bf16_on_a_gpu_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, has=has: has)
        assert resolve("auto", torch.device("cuda")) == ("bf16" if has else "fp32")
    assert resolve("auto", torch.device("mps")) == "fp32"


@pytest.mark.parametrize("tuning", ["full", "probe"])
def test_a_format_that_the_device_lacks_fails_the_run_with_a_sentence(
    models: dict[str, Path], tmp_path: Path, tuning: str
) -> None:
    with pytest.raises(EngineError, match="fp16 is not supported on this machine’s device"):
        finish(ceiling(models, "fp16", tuning), Store(tmp_path))


@pytest.mark.parametrize("tuning", ["full", "lora", "probe"])
def test_bf16_comes_near_fp32_and_is_told_apart_from_it(models: dict[str, Path], tmp_path: Path, tuning: str) -> None:
    store, computed = Store(tmp_path), {}
    for precision in ("fp32", "bf16"):
        run = ceiling(models, precision, tuning)
        started = finish(run, store).of("started")[0]
        assert started.device == ("cpu, 1 thread" if precision == "fp32" else "cpu, bf16, 1 thread")
        computed[precision] = store.read_predictions(run.key()).prob
        assert np.unique(computed[precision]).size > 100, "the head is fp32, so there are no ties"
    np.testing.assert_allclose(computed["bf16"], computed["fp32"], atol=0.02)
    assert (computed["bf16"] != computed["fp32"]).any()


def test_features_in_another_format_have_another_file(models: dict[str, Path], tmp_path: Path) -> None:
    paths = {
        precision: features_path(ceiling(models, precision, "probe"), Store(tmp_path)) for precision in ("auto", "fp32", "bf16")
    }
    assert paths["auto"] == paths["fp32"] != paths["bf16"]
