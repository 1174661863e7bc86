"""The device, as far as a CPU shows it."""

from pathlib import Path

import pytest

from training.engine.machine import hardware


def test_a_driver_of_a_gpu_that_torch_does_not_use_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "NVIDIA_DRIVER", tmp_path / "none")
    assert hardware.device().state == "ok"
    monkeypatch.setattr(hardware, "NVIDIA_DRIVER", tmp_path)
    check = hardware.device()
    assert check.state == "warning"
    assert "torch does not use its GPU" in check.sentence


def test_a_cpu_has_fp32_and_bf16_and_a_kernel_of_attention_at_least() -> None:
    facts = hardware.precision().facts
    assert facts["supported"] == ["fp32", "bf16"]
    assert facts["auto"] in ("fp32", "bf16")
    kernels = hardware.attention().facts["kernels"]
    assert isinstance(kernels, list)
    assert "math" in kernels


def test_a_workspace_with_which_cublas_is_not_deterministic_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    assert hardware.determinism().state == "ok"
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":0:0")
    check = hardware.determinism()
    assert (check.state, check.sentence) == (
        "warning",
        "cuBLAS is not deterministic with CUBLAS_WORKSPACE_CONFIG=:0:0: unset it.",
    )
