"""Numerical precision of a transformer's arithmetic; weights, head, loss and optimiser are always fp32.

Precision ``auto`` is bf16 on a GPU that has it. On a CPU it is the faster of fp32 and bf16 for a transformer that is trained,
measured once for each width, machine and build of torch (``faster``); frozen features are fp32 there.
"""

import json
import logging
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from time import process_time
from typing import Literal, cast

import torch
import torch.nn.functional as F  # noqa: N812
from accelerate import Accelerator
from filelock import FileLock

from training import environment
from training.catalog.bundles import array_of
from training.engine.determinism import threads
from training.engine.errors import EngineError
from training.engine.models.sizes import size_of
from training.spec import Precision, RunSpec
from training.state_folder import data_dir
from training.storage.atomic import atomic

log = logging.getLogger(__name__)

Resolved = Literal["fp32", "bf16", "fp16"]

NARROWEST = 128
"""Width from which it is measured: below, calls take longer than arithmetic."""
ADVANTAGE = 1.1
"""bf16 is taken where it is so many times as fast as fp32."""
TOKENS, PASSES = 512, 6
"""Tokens of a measured pass and number of passes. The first is not timed: in a training rows of as many tokens come again."""


def precision_of(run: RunSpec) -> Resolved:
    """Return the number format of ``run`` on this machine. Raises EngineError where the device does not support it."""
    if array_of(run.model) is not None:
        return "fp32"  # without a transformer
    device = Accelerator().device
    if run.precision == "auto" and device.type == "cpu" and run.tunes_backbone:
        return in_training(size_of(run).width)
    return resolve(run.precision, device)


def in_training(width: int) -> Resolved:
    """Return what ``auto`` is on this CPU for a transformer of ``width`` that is trained. Raises EngineError."""
    try:
        wanted = environment.choice("W2S_CPU_PRECISION", "measured", ("measured", "fp32", "bf16"))
        return faster(width) if wanted == "measured" else cast(Resolved, wanted)
    except environment.SettingError as error:
        raise EngineError(f"This worker’s {error}") from None


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


def faster(width: int) -> Resolved:
    """Return the faster format on this CPU for a layer of ``width`` floats: as measured before, or measured now and stored.

    Measurements are in the folder of the data, so that all processes of this machine take the same: fp32 where it is read-only.
    """
    if width < NARROWEST:
        return "fp32"
    try:
        known = _measured(data_dir() / "precision.json", width)
    except OSError as error:
        log.warning("The faster format cannot be stored, so that auto is fp32: %s", error)
        return "fp32"
    return "bf16" if known["fp32"] > ADVANTAGE * known["bf16"] else "fp32"


def _measured(file: Path, width: int) -> dict[str, float]:
    """Return the seconds in each format, measured unless they are in ``file``. Raises OSError where that cannot be written."""
    name = f"{processor()}, torch {torch.__version__}, width {width}, shapes used before"
    if name not in (known := _read(file)):
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock")):
            if name not in (known := _read(file)):
                with threads(1):
                    known[name] = {precision: round(seconds(width, precision), 5) for precision in ("fp32", "bf16")}
                with atomic(file) as partial:
                    partial.write_text(json.dumps(known, indent=1))
    return known[name]


def _read(file: Path) -> dict[str, dict[str, float]]:
    try:
        known: dict[str, dict[str, float]] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return known


def processor() -> str:
    """Return the model of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def seconds(width: int, precision: Resolved) -> float:
    """Return the seconds of processor of one layer's feed-forward part, forward and backward, the least of some passes."""
    norm, up, down = (torch.full(shape, 0.01, requires_grad=True) for shape in ((width,), (4 * width, width), (width, 4 * width)))
    tokens = TOKENS // max(1, width // 2048)

    def step() -> None:
        states = torch.full((tokens, width), 0.1)
        with autocast(precision, states.device):
            inner = F.gelu(F.linear(F.layer_norm(states, (width,), norm), up))
            output = states + F.linear(inner, down)
        torch.autograd.backward(output.sum())

    return min([_timed(step) for _ in range(PASSES)][1:])


def _timed(step: Callable[[], None]) -> float:
    begun = process_time()
    step()
    return process_time() - begun
