"""Smaller functions of `torch.utils.checkpoint` that programs build checkpoints of their own with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.errors import warn


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn where no input requires grad, so that nothing would be computed again."""
    if not any([isinstance(input, Tensor) and input.requires_grad for input in inputs]):
        warn("None of the inputs have requires_grad=True. Gradients will be None")


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs as leaves that require grad where they did."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}"
        )
    return tuple(
        [
            input.detach().requires_grad_(input.requires_grad) if isinstance(input, Tensor) else input
            for input in inputs
        ]
    )


class DefaultDeviceType:
    """The kind of device whose random numbers a checkpoint keeps beside the CPU's, where its arguments lie on none."""

    _type: str | None = None

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Say which; tritonnn computes on 'cuda' and 'cpu'."""
        if device not in ("cuda", "cpu"):
            raise RuntimeError(f"set_device_type(): expected 'cuda' or 'cpu', got {device!r}")
        DefaultDeviceType._type = device

    @staticmethod
    def get_device_type() -> str:
        """Which."""
        return DefaultDeviceType._type or ("cuda" if tritonnn.cuda.is_available() else "cpu")


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The indices of the GPUs that tensors among the arguments lie on, and the states of their random generators."""
    found = sorted({arg.get_device() for arg in args if isinstance(arg, Tensor) and arg.is_cuda})
    return found, [tritonnn.cuda.get_rng_state(index) for index in found]


def set_device_states(
    devices: Sequence[int], states: Sequence[Tensor], *, device_type: str | None = None
) -> None:
    """Give the generators of GPUs states that `get_device_states` returned."""
    if (device_type or DefaultDeviceType.get_device_type()) == "cuda":
        for index, state in zip(devices, states, strict=True):
            tritonnn.cuda.set_rng_state(state, index)
