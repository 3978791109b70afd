"""Pictures of noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tritonnn as torch
from tritonnn.vision.datasets._items import Separate

__all__ = ["FakeData"]


class FakeData(Separate):
    """Noise as pictures of Pillow's with random classes, made when asked for; the same for the same index.

    Args:
        size: how many there are.
        image_size: channels, height, width.
        num_classes: classes are from 0 up to, not including, this.
        transform: a function of the picture.
        target_transform: a function of the class's number, which is a tensor; its result's `item()` is the target.
        random_offset: another one gives other pictures.

    >>> from tritonnn.vision.datasets import FakeData
    >>> noise = FakeData(2, (3, 8, 9))
    >>> noise[0][0].size, noise[0][1] in range(10)
    ((9, 8), True)
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.image_size = image_size
        self.num_classes = num_classes
        self.random_offset = random_offset

    def _item(self, index: int) -> tuple[Any, Any]:
        from tritonnn.vision.transforms.functional import to_pil_image

        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        generator = torch.Generator().manual_seed(index + self.random_offset)
        noise = torch.randn(*self.image_size, generator=generator)
        target = torch.randint(0, self.num_classes, (1,), generator=generator)[0]
        return to_pil_image(noise), target

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = super().__getitem__(index)
        return image, target.item()

    def __len__(self) -> int:
        return self.size
