"""Checks of the device: which it is, its number formats, attention kernels and determinism."""

import os
import warnings
from pathlib import Path

import psutil
import torch
from accelerate import Accelerator
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from training import catalog
from training.command_output import MachineCheck
from training.engine.determinism import make_deterministic
from training.engine.errors import EngineError
from training.engine.models.precision import in_training, resolve
from training.spec import Precision

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
FIXED_WORKSPACES = (":4096:8", ":16:8")
"""Values of CUBLAS_WORKSPACE_CONFIG with which cuBLAS is deterministic, by its documentation."""
KERNELS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "memory-efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
    "math": SDPBackend.MATH,
}
FORMATS: tuple[Precision, ...] = ("fp32", "bf16", "fp16")


def device() -> MachineCheck:
    """Find the device that trainings take, and compute a sum on it."""
    target = Accelerator().device
    build = f"torch {torch.__version__}, " + (f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA")
    names, memory = _devices(target)
    facts = {"device": target.type, "names": names, "memory": memory, "torch": torch.__version__, "cuda": torch.version.cuda}
    text = f"{', '.join(names)}, {memory / 2**30:.0f} GiB of memory; {build}."
    if torch.ones(64, 64, device=target).sum().item() != 64 * 64:
        return MachineCheck(
            name="device", state="failed", sentence=f"{text} It computes a wrong sum: do not use it.", facts=facts
        )
    if target.type != "cuda" and NVIDIA_DRIVER.exists():
        mend = "see CUDA_VISIBLE_DEVICES" if torch.version.cuda else "install PyPI’s build of torch, which brings CUDA"
        sentence = f"{text} This machine has NVIDIA’s driver, and torch does not use its GPU: {mend}."
        return MachineCheck(name="device", state="warning", sentence=sentence, facts=facts)
    return MachineCheck(name="device", state="ok", sentence=text, facts=facts)


def _devices(target: torch.device) -> tuple[list[str], int]:
    """Return the names of the devices and the memory of the smallest in bytes; that of the machine where CUDA has none."""
    if target.type != "cuda":
        return [target.type], psutil.virtual_memory().total
    all_of_them = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return [properties.name for properties in all_of_them], min(properties.total_memory for properties in all_of_them)


def precision() -> MachineCheck:
    """Find the format that ``precision: auto`` takes, and those that may be chosen."""
    target = Accelerator().device
    supported = [name for name in FORMATS if _supports(name, target)]
    on_cpu = target.type == "cpu"
    auto = in_training(catalog.MODELS["minilm-l2"].width) if on_cpu else resolve("auto", target)
    how = " to train a transformer of MiniLM’s width, and fp32 for frozen features" if on_cpu else ""
    sentence = f"“auto” takes {auto}{how}. Supported: {', '.join(supported)}."
    return MachineCheck(name="precision", state="ok", sentence=sentence, facts={"auto": auto, "supported": supported})


def _supports(name: Precision, target: torch.device) -> bool:
    try:
        resolve(name, target)
    except EngineError:
        return False
    return True


def attention() -> MachineCheck:
    """Call each of torch's attention kernels in the format that ``auto`` has on this kind of device."""
    target = Accelerator().device
    auto = resolve("auto", target)
    query = torch.ones(1, 2, 16, 64, device=target, dtype=torch.bfloat16 if auto == "bf16" else torch.float32)
    usable = []
    for name, backend in KERNELS.items():
        try:
            with warnings.catch_warnings(), sdpa_kernel(backend):
                warnings.simplefilter("ignore")  # a kernel that is not available says why at length
                scaled_dot_product_attention(query, query, query)
        except RuntimeError:
            continue
        usable.append(name)
    sentence = f"Kernels of torch’s fused attention in {auto}: {', '.join(usable)}."
    return MachineCheck(name="attention", state="ok", sentence=sentence, facts={"kernels": usable})


def determinism() -> MachineCheck:
    """Switch deterministic algorithms on, as each training does, and read cuBLAS's workspace."""
    make_deterministic(0)
    workspace = os.environ["CUBLAS_WORKSPACE_CONFIG"]
    facts = {"deterministic": torch.are_deterministic_algorithms_enabled(), "CUBLAS_WORKSPACE_CONFIG": workspace}
    if workspace not in FIXED_WORKSPACES:
        sentence = f"cuBLAS is not deterministic with CUBLAS_WORKSPACE_CONFIG={workspace}: unset it."
        return MachineCheck(name="determinism", state="warning", sentence=sentence, facts=facts)
    sentence = f"Deterministic algorithms, CUBLAS_WORKSPACE_CONFIG={workspace}."
    return MachineCheck(name="determinism", state="ok", sentence=sentence, facts=facts)
