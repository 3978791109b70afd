"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import tritonnn as torch
from tritonnn import nn
from tritonnn.vision import transforms as _transforms
from tritonnn.vision.transforms.v2._transform import Transform
from tritonnn.vision.transforms.v2._utils import _check_probability

__all__ = ["Compose", "RandomApply", "RandomChoice", "RandomOrder"]


def _checked(transforms: Any, kinds: Any = Sequence, names: str = "") -> Any:
    if not isinstance(transforms, kinds):
        raise TypeError(
            f"Argument transforms should be a sequence of callables{names}, got {type(transforms)}"
        )
    if not len(transforms):
        raise ValueError("Pass at least one transform")
    return transforms


def _in_turn(transforms: Iterable[Callable], inputs: tuple[Any, ...]) -> Any:
    """One transform after the other; several inputs are handed on as several."""
    several = len(inputs) > 1
    for transform in transforms:
        outputs = transform(*inputs)
        inputs = outputs if several else (outputs,)
    return inputs if several else inputs[0]


class _Lines(Transform):
    """A transform that shows those it is made of, one on each line."""

    transforms: Any

    def extra_repr(self) -> str:
        return "\n".join([f"    {transform}" for transform in self.transforms])


class Compose(_Lines):
    """Several transforms, one after the other.

    >>> from tritonnn.vision.transforms import v2
    >>> v2.Compose([v2.Resize([4, 4]), v2.RandomHorizontalFlip()])
    Compose(
          Resize(size=[4, 4], interpolation=bilinear, antialias=True)
          RandomHorizontalFlip(p=0.5)
    )

    Args:
        transforms: in their order.
    """

    def __init__(self, transforms: Sequence[Callable]) -> None:
        super().__init__()
        self.transforms = _checked(transforms)

    def forward(self, *inputs: object) -> Any:
        return _in_turn(self.transforms, inputs)


class RandomApply(_Lines):
    """Several transforms, one after the other, all of them or none.

    Args:
        transforms: in their order.
        p: how probable it is that they are applied.
    """

    _v1_transform_cls = _transforms.RandomApply

    def __init__(self, transforms: Sequence[Callable] | nn.ModuleList, p: float = 0.5) -> None:
        super().__init__()
        self.transforms = _checked(transforms, (Sequence, nn.ModuleList), " or a `nn.ModuleList`")
        self.p = _check_probability(p)

    def forward(self, *inputs: object) -> Any:
        if torch.rand(1) >= self.p:
            return inputs if len(inputs) > 1 else inputs[0]
        return _in_turn(self.transforms, inputs)


class RandomChoice(Transform):
    """One of several transforms.

    Args:
        transforms: to choose from.
        p: how probable each of them is, up to a common factor; None: all alike.
    """

    def __init__(self, transforms: Sequence[Callable], p: list[float] | None = None) -> None:
        _checked(transforms)
        if p is not None and len(p) != len(transforms):
            raise ValueError(
                f"Length of p doesn't match the number of transforms: {len(p)} != {len(transforms)}"
            )
        super().__init__()
        self.transforms = transforms
        weights = [1] * len(transforms) if p is None else p
        self.p = [weight / sum(weights) for weight in weights]

    def forward(self, *inputs: object) -> Any:
        return self.transforms[int(torch.multinomial(torch.tensor(self.p), 1))](*inputs)


class RandomOrder(Transform):
    """Several transforms, one after the other in a random order.

    Args:
        transforms: in any order.
    """

    def __init__(self, transforms: Sequence[Callable]) -> None:
        super().__init__()
        self.transforms = _checked(transforms)

    def forward(self, *inputs: object) -> Any:
        order = torch.randperm(len(self.transforms)).tolist()
        return _in_turn([self.transforms[i] for i in order], inputs)
