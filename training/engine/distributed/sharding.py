"""A model larger than one device: each process holds a share of every tensor (FSDP), and files hold whole ones."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn


def shard(model: nn.Module, device: torch.device) -> nn.Module:
    """``model`` with its parameters shared out over the processes, whole for the time of one layer's work only.

    Gradients are summed over processes, and not averaged.
    """
    warnings.filterwarnings("ignore", ".*returned a view tensor")  # logits, which nobody writes into
    # Costs half a second, which runs without shards need not pay.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for part in [*_layers(model), model]:
        fully_shard(part, mesh=mesh, reshard_after_forward=True)  # also the last, or it would be whole between two steps
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo cannot multiply while it sums
    return model.to(device)  # buffers, which are not shared out


def _layers(model: nn.Module) -> list[nn.Module]:
    """The modules that a transformer names as those not to be split, innermost first."""
    names = {name for module in model.modules() for name in getattr(module, "_no_split_modules", None) or ()}
    return [module for module in model.modules() if type(module).__name__ in names][::-1]


def whole(tensor: Tensor, keep: bool = True) -> Tensor:
    """All of a tensor of which this process has a share, on the CPU; nothing of it where it is not to be kept.

    All processes must ask together.
    """
    if not _is_share(tensor):
        return tensor
    full: Tensor = tensor.full_tensor()  # type: ignore[attr-defined]
    return full.cpu() if keep else full.new_empty(0)


def like(tensor: Tensor, other: Tensor) -> Tensor:
    """This process's share of ``tensor``, where it has only a share of ``other``. All processes must ask together."""
    if not _is_share(other):
        return tensor
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(other, DTensor)
    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


def _is_share(tensor: Tensor) -> bool:
    """Whether it is a DTensor, without importing what that is."""
    return hasattr(tensor, "full_tensor")


def spread(weights: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Whole ``weights`` as ``model`` has them."""
    own = dict(model.named_parameters())
    return {name: like(tensor, own[name]) if name in own else tensor for name, tensor in weights.items()}


def whole_state(state: dict[str, Any], keep: bool) -> dict[str, Any]:
    """The state of an optimiser as that of one which has whole tensors."""
    found = {number: {name: whole(tensor, keep) for name, tensor in one.items()} for number, one in state["state"].items()}
    return state | {"state": found}


def spread_state(state: dict[str, Any], parameters: list[nn.Parameter]) -> dict[str, Any]:
    """The state of an optimiser with whole tensors as that of one for ``parameters``. Its counts of steps are not shared out."""

    def spread(tensor: Tensor, parameter: nn.Parameter) -> Tensor:
        return like(tensor, parameter) if tensor.shape == parameter.shape else tensor

    found = {
        number: {name: spread(tensor, parameters[number]) for name, tensor in one.items()}
        for number, one in state["state"].items()
    }
    return state | {"state": found}
