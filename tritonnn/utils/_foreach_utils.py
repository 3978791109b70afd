"""Lists of tensors by device and dtype, for optimizers that compute with whole lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import device as Device


def _get_foreach_kernels_supported_devices() -> list[str]:
    """The devices where a call with lists is one launch."""
    return ["cuda"]


def _get_fused_kernels_supported_devices() -> list[str]:
    """The devices where a step of an optimizer is one launch."""
    return ["cuda", "cpu"]


def _group_tensors_by_device_and_dtype(
    tensorlistlist: Sequence[Sequence[Tensor | None]], with_indices: bool = False
) -> dict[tuple[Device, Any], tuple[list[list[Tensor | None]], list[int]]]:
    """Lists of one length, taken apart by the device and dtype that the first list's tensors have.

    Returns:
        (device, dtype) -> the lists with what belongs together, and with `with_indices` where it stood.
    """
    groups: dict[tuple[Device, Any], tuple[list[list[Tensor | None]], list[int]]] = {}
    for place, row in enumerate(zip(*tensorlistlist, strict=True)):
        first = row[0]
        if first is None:
            raise RuntimeError(
                "_group_tensors_by_device_and_dtype: the tensors of the first list must not be None"
            )
        lists, places = groups.setdefault((first.device, first.dtype), ([[] for _ in tensorlistlist], []))
        for group, tensor in zip(lists, row, strict=True):
            group.append(tensor)
        if with_indices:
            places.append(place)
    return groups


def _device_has_foreach_support(device: Device) -> bool:
    """Whether lists of a device's tensors can be computed with: those of any device that there is."""
    return device.type in ("cpu", "cuda")


def _has_foreach_support(tensors: Sequence[Any], device: Device) -> bool:
    """Whether a list can be computed with: all are tensors, or None."""
    return _device_has_foreach_support(device) and all(t is None or isinstance(t, Tensor) for t in tensors)
