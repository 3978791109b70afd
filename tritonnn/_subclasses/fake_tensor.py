"""Fake tensors, which have a device but no memory: tritonnn makes none, and says so to those who ask.

Shapes without memory are those of `device="meta"`.
"""

from __future__ import annotations

from typing import NoReturn

from tritonnn._tensor import Tensor

__all__ = ["FakeTensor", "FakeTensorMode", "is_fake"]

WHY = "tritonnn has no fake tensors; tensors without memory have the device 'meta'"


class FakeTensor(Tensor):
    """A tensor that has a device but no memory; refused: there is none."""

    def __new__(cls, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(f"torch._subclasses.FakeTensor: {WHY}")


class FakeTensorMode:
    """Makes fake tensors of all in a block; refused."""

    def __new__(cls, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(f"torch._subclasses.FakeTensorMode: {WHY}")


def is_fake(x: object) -> bool:
    """False: no tensor is.

    >>> import tritonnn as torch
    >>> is_fake(torch.ones(2))
    False
    """
    return isinstance(x, FakeTensor)
