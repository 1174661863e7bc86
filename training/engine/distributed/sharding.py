"""Models larger than one device: each process holds a share of every tensor (FSDP); files hold whole tensors."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn


def shard(model: nn.Module, device: torch.device) -> nn.Module:
    """Return ``model`` with its parameters sharded over the processes; each layer is whole only while it computes.

    Gradients are summed over processes, and not averaged.
    """
    warnings.filterwarnings("ignore", ".*returned a view tensor")  # logits, which are never written to
    # Takes half a second to import, which runs without shards need not pay.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for part in [*_layers(model), model]:
        fully_shard(part, mesh=mesh, reshard_after_forward=True)  # also the last, or it would stay whole between two steps
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo cannot multiply while it sums
    return model.to(device)  # buffers, which are not sharded


def _layers(model: nn.Module) -> list[nn.Module]:
    """Return the modules that a transformer declares as not to be split, innermost first."""
    names = {name for module in model.modules() for name in getattr(module, "_no_split_modules", None) or ()}
    return [module for module in model.modules() if type(module).__name__ in names][::-1]


def whole(tensor: Tensor, keep: bool = True) -> Tensor:
    """Return the whole of a sharded tensor, on the CPU; an empty one unless ``keep``.

    Collective: all processes must call it together.
    """
    if not _is_share(tensor):
        return tensor
    full: Tensor = tensor.full_tensor()  # type: ignore[attr-defined]
    return full.cpu() if keep else full.new_empty(0)


def like(tensor: Tensor, other: Tensor) -> Tensor:
    """Return this process's share of ``tensor`` if ``other`` is sharded. Collective: all processes must call it together."""
    if not _is_share(other):
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(other, DTensor)
    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


def _is_share(tensor: Tensor) -> bool:
    """Return whether ``tensor`` is a DTensor, without importing that class."""
    return hasattr(tensor, "full_tensor")


def spread(weights: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Return whole ``weights`` sharded like those of ``model``."""
    own = dict(model.named_parameters())
    return {name: like(tensor, own[name]) if name in own else tensor for name, tensor in weights.items()}


def whole_state(state: dict[str, Any], keep: bool) -> dict[str, Any]:
    """Return the state of an optimiser with whole tensors."""
    states = {
        number: {name: whole(tensor, keep) for name, tensor in tensors.items()} for number, tensors in state["state"].items()
    }
    return state | {"state": states}


def spread_state(state: dict[str, Any], parameters: list[nn.Parameter]) -> dict[str, Any]:
    """Return the state of an optimiser, given with whole tensors, sharded for ``parameters``. Step counts are not sharded."""

    def spread(tensor: Tensor, parameter: nn.Parameter) -> Tensor:
        return like(tensor, parameter) if tensor.shape == parameter.shape else tensor

    states = {
        number: {name: spread(tensor, parameters[number]) for name, tensor in tensors.items()}
        for number, tensors in state["state"].items()
    }
    return state | {"state": states}
