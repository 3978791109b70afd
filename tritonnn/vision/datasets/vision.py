"""What all datasets of pictures have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from tritonnn.utils.data import Dataset

__all__ = ["StandardTransform", "VisionDataset"]

T_co = TypeVar("T_co", covariant=True)
Function = Callable[..., Any]


def _format_transform_repr(self: Any, transform: object, head: str) -> list[str]:
    """The lines that show a transform: the first behind `head`, the others below it."""
    first, *others = repr(transform).splitlines()
    return [head + first, *(" " * len(head) + line for line in others)]


class VisionDataset(Dataset[T_co]):
    """A dataset of pictures; a subclass defines ``__getitem__`` and ``__len__``.

    Args:
        root: the folder that it is in; shown, and where subclasses look.
        transforms: a function of picture and target, which gives both.
        transform: a function of the picture alone; not beside `transforms`.
        target_transform: a function of the target alone; not beside `transforms`.

    Raises ValueError where `transforms` comes with one of the others.

    >>> from tritonnn.vision.datasets import VisionDataset
    >>> class Squares(VisionDataset):
    ...     def __getitem__(self, index):
    ...         return index * index
    ...     def __len__(self):
    ...         return 3
    >>> Squares("photographs")
    Dataset Squares
        Number of datapoints: 3
        Root location: photographs
    """

    _repr_indent = 4
    _format_transform_repr = _format_transform_repr

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Function | None = None,
        transform: Function | None = None,
        target_transform: Function | None = None,
    ) -> None:
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.root: Any = os.path.expanduser(root) if isinstance(root, str) else root
        self.transform = transform
        self.target_transform = target_transform
        self.transforms: Any = StandardTransform(transform, target_transform) if separate else transforms

    def __getitem__(self, index: int) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__")

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += self.extra_repr().splitlines()
        if getattr(self, "transforms", None) is not None:
            body.append(repr(self.transforms))
        return "\n".join(
            [f"Dataset {type(self).__name__}", *(" " * self._repr_indent + line for line in body)]
        )

    def extra_repr(self) -> str:
        """More lines for what `repr` shows."""
        return ""


class StandardTransform:
    """One function for the picture and one for the target, either of which may be None, as one of both.

    >>> from tritonnn.vision.datasets.vision import StandardTransform
    >>> StandardTransform(target_transform=str)(1, 2)
    (1, '2')
    """

    _format_transform_repr = _format_transform_repr

    def __init__(self, transform: Function | None = None, target_transform: Function | None = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        body = [type(self).__name__]
        if self.transform is not None:
            body += self._format_transform_repr(self.transform, "Transform: ")
        if self.target_transform is not None:
            body += self._format_transform_repr(self.target_transform, "Target transform: ")
        return "\n".join(body)
