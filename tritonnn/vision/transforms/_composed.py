"""Transforms made of transforms."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import tritonnn as torch
from tritonnn import nn
from tritonnn.vision.transforms._class_parts import listed

__all__ = ["Compose", "Lambda", "RandomApply", "RandomChoice", "RandomOrder", "RandomTransforms"]


class Compose:
    """One after the other.

    >>> import tritonnn as torch
    >>> T = torch.vision.transforms
    >>> T.Compose([T.CenterCrop(2), T.Normalize([0.5], [0.5])])(torch.ones(1, 4, 4))
    tensor([[[1., 1.],
             [1., 1.]]])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        """The image after all of them."""
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return listed(self, self.transforms)


class Lambda:
    """A function as a transform.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.Lambda(lambda img: img + 1)(torch.zeros(2))
    tensor([1., 1.])
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        """What the function returns."""
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class RandomTransforms:
    """What `RandomOrder` and `RandomChoice` have in common."""

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError(f"Argument transforms should be a sequence, got {type(transforms)}")
        self.transforms = transforms

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Subclasses say what is done."""
        raise NotImplementedError(f"{type(self).__name__} does not say what is done with its transforms")

    def __repr__(self) -> str:
        return listed(self, self.transforms)


class RandomApply(nn.Module):
    """All, one after the other, with a probability, else none.

    >>> import tritonnn as torch
    >>> T = torch.vision.transforms
    >>> T.RandomApply([T.RandomHorizontalFlip(p=1.0)], p=1.0)(torch.tensor([[[1.0, 2.0]]]))
    tensor([[[2., 1.]]])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]] | nn.ModuleList, p: float = 0.5) -> None:
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img: Any) -> Any:
        """The image, changed or as it is."""
        if self.p < torch.rand(1).item():
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return listed(self, self.transforms, f"p={self.p}")


class RandomOrder(RandomTransforms):
    """All, one after the other, in an order drawn with Python's `random`.

    >>> import tritonnn as torch
    >>> T = torch.vision.transforms
    >>> T.RandomOrder([T.CenterCrop(2), T.RandomVerticalFlip()])(torch.ones(1, 4, 4)).shape
    torch.Size([1, 2, 2])
    """

    def __call__(self, img: Any) -> Any:
        """The image after all of them."""
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for index in order:
            img = self.transforms[index](img)
        return img


class RandomChoice(RandomTransforms):
    """One of them, drawn with Python's `random`.

    >>> import tritonnn as torch
    >>> T = torch.vision.transforms
    >>> T.RandomChoice([T.CenterCrop(2), T.CenterCrop(3)], p=[0.0, 1.0])(torch.ones(1, 4, 4)).shape
    torch.Size([1, 3, 3])
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError(f"Argument p should be a sequence, got {p!r}")
        self.p = p

    def __call__(self, *args: Any) -> Any:
        """What the drawn one makes of the image."""
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"
