"""Splitting inputs over devices, copying modules to them, joining outputs; all of it differentiable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device
from tritonnn.nn.module import Module
from tritonnn.ops.joining.joining import cat

__all__ = ["gather", "replicate", "scatter", "scatter_kwargs"]


def scatter(inputs: Any, target_gpus: Sequence[Any], dim: int = 0) -> list[Any]:
    """One value per device: tensors split along `dim`, containers split inside, other objects shared.

    There are fewer than devices where a tensor has fewer rows.
    """
    devices = [Device(target) for target in target_gpus]
    if isinstance(inputs, Tensor):
        chunks = inputs.chunk(len(devices), dim)
        return [chunk.to(device) for chunk, device in zip(chunks, devices)]
    if isinstance(inputs, tuple) and inputs:
        parts = list(zip(*[scatter(item, devices, dim) for item in inputs]))
        return [type(inputs)(*part) for part in parts] if hasattr(inputs, "_fields") else parts
    if isinstance(inputs, list) and inputs:
        return [list(part) for part in zip(*[scatter(item, devices, dim) for item in inputs])]
    if isinstance(inputs, dict) and inputs:
        columns = [scatter(value, devices, dim) for value in inputs.values()]
        return [type(inputs)(zip(inputs, part)) for part in zip(*columns)]
    return [inputs for _ in devices]


def scatter_kwargs(
    inputs: tuple, kwargs: dict[str, Any] | None, target_gpus: Sequence[Any], dim: int = 0
) -> list[tuple[tuple, dict[str, Any]]]:
    """The arguments of a call, one (args, kwargs) per device."""
    args = scatter(inputs, target_gpus, dim)
    options = scatter(kwargs or {}, target_gpus, dim)
    if not inputs:
        args = [() for _ in options]
    if not kwargs:
        options = [{} for _ in args]
    return list(zip(args, options))


def replicate(network: Module, devices: Sequence[Any], detach: bool = False) -> list[Any]:
    """A copy of the module per device; its parameters are copies that hand their gradients back to the
    original's.
    """
    replicas = []
    for target in devices:
        device = Device(target)
        copies: dict[Module, Any] = {}
        for module in network.modules():
            copies[module] = module._replicate_for_data_parallel()
        for module, copy in copies.items():
            for name, child in module._modules.items():
                copy._modules[name] = None if child is None else copies[child]
            for name, param in module._parameters.items():
                # A plain attribute: what stands in _parameters must be a leaf.
                copy.__dict__[name] = _copy(param, device, detach)
            for name, buffer in module._buffers.items():
                copy._buffers[name] = _copy(buffer, device, True)
        replicas.append(copies[network])
    return replicas


def _copy(tensor: Tensor | None, device: Device, detach: bool) -> Any:
    if tensor is None:
        return None
    return (tensor.detach() if detach else tensor).to(device)


def gather(outputs: Sequence[Any], target_device: DeviceLike, dim: int = 0) -> Any:
    """Join what the replicas returned, on one device; 0-d tensors become a vector."""
    first = outputs[0]
    device = Device(target_device)
    if isinstance(first, Tensor):
        moved = [output.to(device) for output in outputs]
        return cat([t.view(1) for t in moved]) if first.ndim == 0 else cat(moved, dim)
    if first is None:
        return None
    if isinstance(first, dict):
        if not all(len(first) == len(output) for output in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)((key, gather([output[key] for output in outputs], device, dim)) for key in first)
    joined = [gather(part, device, dim) for part in zip(*outputs)]
    return type(first)(*joined) if hasattr(first, "_fields") else type(first)(joined)
