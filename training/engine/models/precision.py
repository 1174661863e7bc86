"""The number format of a transformer's arithmetic. Weights, the head, losses and optimiser are always fp32."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from accelerate import Accelerator

from training.engine.errors import EngineError
from training.spec import Precision, RunSpec

Resolved = Literal["fp32", "bf16", "fp16"]


def precision_of(run: RunSpec) -> Resolved:
    """Return the number format of ``run`` on this machine. Raises EngineError where the device does not support it."""
    return resolve(run.precision, Accelerator().device)


def resolve(precision: Precision, device: torch.device) -> Resolved:
    if precision == "auto":
        return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if (precision == "fp16" and device.type != "cuda") or (precision == "bf16" and device.type not in ("cuda", "cpu")):
        raise EngineError(f"{precision} is not supported on this machine’s device ({device.type}): choose auto or fp32.")
    return precision


def autocast(precision: Resolved, device: torch.device) -> AbstractContextManager[object]:
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16)
