"""Classes that annotations and `isinstance` name, and of which a library that runs in one process has no objects."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["GroupName", "ProcessGroup", "Unavailable", "refuse"]


def refuse(name: str) -> NoReturn:
    """Raise what a part of torch.distributed says that needs more than one process."""
    raise RuntimeError(f"{name}: torch.distributed.is_available() is False, and programs run in one process")


class Unavailable:
    """A class that cannot be instantiated."""

    def __new__(cls, *args: object, **kwargs: object) -> NoReturn:
        refuse(cls.__name__)


class ProcessGroup(Unavailable):
    """A group of processes; there is none."""


class GroupName(Unavailable):
    """The name of a group of processes; there is none."""
