"""The class above all transforms."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import tritonnn as torch
from tritonnn import nn
from tritonnn.utils._pytree import tree_flatten, tree_unflatten
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision.transforms.v2._utils import (
    Checks,
    _check_probability,
    check_type,
    has_any,
    is_pure_tensor,
)
from tritonnn.vision.transforms.v2.functional._utils import _get_kernel


class Transform(nn.Module):
    """A change of samples: of all pictures, videos, masks, boxes and points in them, with one draw of its numbers.

    A sample is any structure of lists, tuples and dictionaries; what is nothing of these passes through. Tensors that
    do not say what they are pass through where there is an Image, a Video or a picture of Pillow's; else the first of
    them is taken to be the picture.

    A subclass has `transform`, and `make_params` where it draws.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms import v2
    >>> class Shift(v2.Transform):
    ...     def make_params(self, flat_inputs):
    ...         return {"by": 1}
    ...     def transform(self, inpt, params):
    ...         return inpt + params["by"]
    >>> Shift()({"image": torch.zeros(1, 1, 2), "label": 3})
    {'image': tensor([[[1., 1.]]]), 'label': 3}
    """

    _transformed_types: Checks = (torch.Tensor, is_image)  # what is of none of them passes through
    _v1_transform_cls: type | None = None  # of the classic transforms, whose `get_params` it has as well

    def __init__(self) -> None:
        super().__init__()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        drawn = getattr(cls._v1_transform_cls, "get_params", None)
        if drawn is not None:
            cls.get_params = staticmethod(drawn)  # type: ignore[attr-defined]

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Raise where a sample is none that this can change."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw what `transform` needs; the inputs are those that will be changed."""
        return {}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change one input."""
        raise NotImplementedError(f"{type(self).__name__} has no method transform(inpt, params)")

    def _call_kernel(self, functional: Callable, inpt: Any, *args: Any, **kwargs: Any) -> Any:
        """What a functional makes of an input; one that it has no kernel for passes through."""
        return _get_kernel(functional, type(inpt), allow_passthrough=True)(inpt, *args, **kwargs)

    def _happens(self) -> bool:
        return True

    def forward(self, *inputs: object) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat_inputs, spec = tree_flatten(sample)
        self.check_inputs(flat_inputs)
        if not self._happens():
            return sample
        chosen = self._needs_transform_list(flat_inputs)
        params = self.make_params([inpt for inpt, needed in zip(flat_inputs, chosen, strict=True) if needed])
        outputs = [
            self.transform(inpt, params) if needed else inpt
            for inpt, needed in zip(flat_inputs, chosen, strict=True)
        ]
        return tree_unflatten(outputs, spec)

    def _needs_transform_list(self, flat_inputs: list[Any]) -> list[bool]:
        """For each input whether it is to be changed."""
        explicit = has_any(flat_inputs, tv_tensors.Image, tv_tensors.Video, is_image)
        chosen = []
        for inpt in flat_inputs:
            needed = check_type(inpt, self._transformed_types)
            if needed and is_pure_tensor(inpt):
                needed, explicit = not explicit, True  # the first one is the picture
            chosen.append(needed)
        return chosen

    def extra_repr(self) -> str:
        shown = (bool, int, float, str, tuple, list, enum.Enum)
        return ", ".join([
            f"{name}={value}"
            for name, value in self.__dict__.items()
            if not name.startswith("_") and name != "training" and isinstance(value, shown)
        ])  # fmt: skip


class _RandomApplyTransform(Transform):
    """One that changes a sample with a probability."""

    def __init__(self, p: float = 0.5) -> None:
        _check_probability(p)
        super().__init__()
        self.p = p

    def _happens(self) -> bool:
        return bool(torch.rand(1) < self.p)
