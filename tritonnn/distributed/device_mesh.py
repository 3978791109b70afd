"""torch.distributed.device_mesh as a library built without torch.distributed has it: names to annotate with."""

from __future__ import annotations

from typing import NoReturn

from tritonnn.distributed.absent import Unavailable, refuse

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh(Unavailable):
    """Devices of several processes as a grid; there is none."""


def init_device_mesh(*args: object, **kwargs: object) -> NoReturn:
    """Refused: the devices of a mesh belong to several processes."""
    refuse("init_device_mesh")
