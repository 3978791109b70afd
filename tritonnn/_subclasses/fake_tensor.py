"""`torch._subclasses.fake_tensor`: no tensor here is fake; those without values are on the device meta."""

from __future__ import annotations

from typing import Any, NoReturn

from tritonnn.tritonnn import Tensor

__all__ = ["FakeTensor", "is_fake"]


class FakeTensor(Tensor):
    """What programs hold tensors to with isinstance; there is none."""

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(
            "FakeTensor: tritonnn makes no fake tensors; with device='meta' a tensor has a shape and no values"
        )


def is_fake(x: object) -> bool:
    """Whether something is a fake tensor.

    >>> is_fake(3)
    False
    """
    return isinstance(x, FakeTensor)
