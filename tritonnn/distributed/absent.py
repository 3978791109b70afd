"""Classes that annotations and `isinstance` name, and of which a library that runs in one process has no objects."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NoReturn

__all__ = ["GroupName", "ProcessGroup", "ReduceOp", "Unavailable", "refuse", "refusing"]


def refuse(name: str) -> NoReturn:
    """Raise what a part of torch.distributed says that needs more than one process."""
    raise RuntimeError(f"{name}: torch.distributed.is_available() is False, and programs run in one process")


def refusing(module: str, names: str) -> dict[str, Callable[..., NoReturn]]:
    """Functions by name, all refused as soon as they are called: packages import them at their top.

    >>> refusing("torch.distributed", "barrier send")["barrier"]()
    Traceback (most recent call last):
    RuntimeError: torch.distributed.barrier: torch.distributed.is_available() is False, and programs run in one process
    """
    return {name: _refused(module, name) for name in names.split()}


def _refused(module: str, name: str) -> Callable[..., NoReturn]:
    def function(*args: object, **kwargs: object) -> NoReturn:
        refuse(f"{module}.{name}")

    function.__name__ = function.__qualname__ = name
    function.__module__ = "tritonnn" + module.removeprefix("torch")
    function.__doc__ = "Refused: it needs a group of processes, and programs run in one."
    return function


class Unavailable:
    """A class that cannot be instantiated."""

    def __new__(cls, *args: object, **kwargs: object) -> NoReturn:
        refuse(cls.__name__)


class ProcessGroup(Unavailable):
    """A group of processes; there is none."""


class GroupName(Unavailable):
    """The name of a group of processes; there is none."""


class ReduceOp(enum.Enum):
    """How tensors of several processes become one: signatures have it as a default."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8
