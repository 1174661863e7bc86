import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.factories.runs import finish, make_run, plan_with
from training import RunSpec, Store
from training.engine.errors import EngineError
from training.engine.models import precision
from training.engine.models.features import features_path
from training.engine.models.precision import precision_of, resolve
from training.spec import Precision

CPU = torch.device("cpu")


def ceiling(models: dict[str, Path], name: str, tuning: str = "full") -> RunSpec:
    plan = plan_with("bag-of-words", str(models["llama"]), tuning=tuning, precision=name)
    return plan.runs[plan.triplets[0].ceiling]


@pytest.mark.parametrize(("requested", "computed"), [("auto", "fp32"), ("fp32", "fp32"), ("bf16", "bf16")])
def test_a_cpu_computes_in_fp32_unless_asked_for_bf16_or_trained_faster_in_it(requested: Precision, computed: str) -> None:
    assert resolve(requested, CPU) == computed


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """The seconds that measurements return; auto is measured, and stored in a new folder."""
    taken = {"fp32": 1.0, "bf16": 0.5}
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATASETS_DIR", raising=False)
    monkeypatch.setenv("W2S_CPU_PRECISION", "measured")
    monkeypatch.setattr(precision, "seconds", lambda width, name: taken.pop(name))
    return taken


def full(tuning: str = "full", model: str = "minilm-l2") -> RunSpec:
    return make_run("ceiling", model=model, adaptation=tuning)


@pytest.mark.parametrize(("bf16", "computed"), [(0.5, "bf16"), (0.95, "fp32"), (2.0, "fp32")])
def test_auto_trains_a_transformer_on_a_cpu_in_the_format_that_is_clearly_faster(
    measured: dict[str, float], bf16: float, computed: str
) -> None:
    measured["bf16"] = bf16
    assert precision_of(full()) == computed


def test_a_width_is_measured_once_on_a_machine(measured: dict[str, float], tmp_path: Path) -> None:
    assert precision_of(full()) == precision_of(full(model="minilm-l6")) == "bf16"
    assert not measured, "a second measurement would have found nothing to take"
    (name,) = json.loads((tmp_path / "precision.json").read_text())
    assert name.endswith(f"torch {torch.__version__}, width 384, shapes used before")


def test_frozen_features_and_narrow_transformers_are_fp32_without_a_measurement(
    measured: dict[str, float], models: dict[str, Path]
) -> None:
    assert precision_of(full("probe")) == precision_of(ceiling(models, "auto")) == "fp32"
    assert len(measured) == 2


def test_a_damaged_file_of_measurements_is_measured_anew(measured: dict[str, float], tmp_path: Path) -> None:
    (tmp_path / "precision.json").write_text("{")
    assert precision_of(full()) == "bf16"


def test_a_library_elsewhere_does_not_move_the_measurements(
    measured: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "elsewhere" / "datasets"))
    assert precision_of(full()) == "bf16"
    assert (tmp_path / "precision.json").is_file()
    assert not (tmp_path / "elsewhere").exists()


def test_a_measurement_that_cannot_be_stored_leaves_auto_fp32(
    measured: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file" / "data"))
    assert precision_of(full()) == "fp32"


def test_a_worker_may_say_what_auto_is(measured: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_CPU_PRECISION", "fp32")
    assert precision_of(full()) == "fp32"
    monkeypatch.setenv("W2S_CPU_PRECISION", "fp64")
    with pytest.raises(EngineError, match="This worker’s W2S_CPU_PRECISION must be one of measured, fp32, bf16"):
        precision_of(full())


def test_the_first_pass_of_a_shape_does_not_count_in_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = iter([0.5, 4.0, 3.0, 2.0, 3.0, 4.0])
    monkeypatch.setattr(precision, "_timed", lambda step: next(passes))
    assert precision.seconds(128, "bf16") == 2.0


def test_a_measurement_takes_positive_seconds_in_both_formats() -> None:
    assert all(precision.seconds(128, name) > 0 for name in ("fp32", "bf16"))


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
    for name in ("fp32", "bf16"):
        run = ceiling(models, name, tuning)
        started = finish(run, store).of("started")[0]
        assert started.device == ("cpu, 1 thread" if name == "fp32" else "cpu, bf16, 1 thread")
        computed[name] = store.read_predictions(run.key()).prob
        assert np.unique(computed[name]).size > 100, "the head is fp32, so there are no ties"
    np.testing.assert_allclose(computed["bf16"], computed["fp32"], atol=0.02)
    assert (computed["bf16"] != computed["fp32"]).any()


def test_features_in_another_format_have_another_file(models: dict[str, Path], tmp_path: Path) -> None:
    paths = {name: features_path(ceiling(models, name, "probe"), Store(tmp_path)) for name in ("auto", "fp32", "bf16")}
    assert paths["auto"] == paths["fp32"] != paths["bf16"]
