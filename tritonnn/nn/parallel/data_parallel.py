"""DataParallel: one process, the batch split over the devices."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device
from tritonnn.nn.module import Module
from tritonnn.nn.parallel.scatter_gather import gather, replicate, scatter_kwargs

__all__ = ["DataParallel", "data_parallel"]


def _devices(device_ids: Sequence[Any] | None) -> list[Device]:
    if device_ids is None:
        from tritonnn import cuda

        return [Device("cuda", i) for i in range(cuda.device_count())]
    return [Device(i) for i in device_ids]


class DataParallel(Module):
    """Splits the batch over several GPUs, runs a replica of the module on each, and joins the outputs.

    With one GPU it runs the module there; without any it just calls the module. Replicas are made anew for
    each
    call, so what forward assigns to them is lost (except changes in place on the first device).

    Args:
        module: lies on the first device.
        device_ids: GPUs to use; all by default.
        output_device: where the outputs are joined; the first device by default.
        dim: the batch dimension of inputs and outputs.

    Attributes:
        module: the wrapped module; state_dict keys start with 'module.'.

    >>> import tritonnn as torch
    >>> torch.nn.DataParallel(torch.nn.ReLU(), device_ids=[])(torch.tensor([-1., 2.]))
    tensor([0., 2.])
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: DeviceLike | None = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        devices = _devices(device_ids)
        self.dim = dim
        self.module = module
        self.device_ids = [device.index for device in devices]
        self.output_device = None
        if devices:
            self.output_device = (devices[0] if output_device is None else Device(output_device)).index
        if len(devices) == 1:
            module.to(devices[0])

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        if not self.device_ids:
            return self.module(*inputs, **kwargs)
        return data_parallel(self.module, inputs, self.device_ids, self.output_device, self.dim, kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: DeviceLike | None = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """The functional form of `DataParallel`.

    Raises:
        RuntimeError: parameters or buffers that do not lie on the first device.
    """
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    kwargs = module_kwargs or {}
    devices = _devices(device_ids)
    if not devices:
        return module(*inputs, **kwargs)
    first = devices[0]
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.device != first:
            raise RuntimeError(
                f"module must have its parameters and buffers on device {first} (device_ids[0]) but found "
                f"one of them on device: {tensor.device}"
            )
    calls = scatter_kwargs(inputs, kwargs, devices, dim)
    if len(calls) == 1:
        args, options = calls[0]
        return module(*args, **options)
    replicas = replicate(module, devices[: len(calls)])
    # Launches return before the GPU is done, so the devices work at the same time.
    outputs = [replica(*args, **options) for replica, (args, options) in zip(replicas, calls)]
    if any(isinstance(output, Tensor) and output.ndim == 0 for output in outputs):
        warnings.warn(
            "Was asked to gather along dimension 0, but all input tensors were scalars; will instead "
            "unsqueeze and return a vector."
        )
    return gather(outputs, first if output_device is None else Device(output_device), dim)
