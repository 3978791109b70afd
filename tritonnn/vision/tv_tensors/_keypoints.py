"""Points in a picture."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn.vision.tv_tensors._tv_tensor import TVTensor


class KeyPoints(TVTensor):
    """Points of one picture, of any arrangement such as polygons or skeletons: a tensor of shape (..., 2), x and y.

    >>> from tritonnn.vision import tv_tensors
    >>> tv_tensors.KeyPoints([[2, 3], [4, 1]], canvas_size=(10, 12))
    KeyPoints([[2, 3],
               [4, 1]], canvas_size=(10, 12))

    Args:
        data: what `torch.as_tensor` takes.
        canvas_size: height and width of the picture.
        dtype: of the elements; of None that of the data.
        device: of None that of the data.
        requires_grad: of None that of the data.
    """

    canvas_size: tuple[int, int]
    _metadata = ("canvas_size",)

    def __new__(
        cls,
        data: Any,
        *,
        canvas_size: tuple[int, int],
        dtype: torch.dtype | None = None,
        device: torch.device | str | int | None = None,
        requires_grad: bool | None = None,
    ) -> KeyPoints:
        tensor = cls._to_tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)
        return cls._wrap(tensor, canvas_size=canvas_size)

    @classmethod
    def _wrap(
        cls, tensor: torch.Tensor, *, canvas_size: tuple[int, int], check_dims: bool = True
    ) -> KeyPoints:
        if check_dims and (tensor.ndim == 0 or tensor.shape[-1] != 2):
            raise ValueError(f"Expected a tensor of shape (..., 2), not {tensor.shape}")
        points = (tensor.unsqueeze(0) if check_dims and tensor.ndim == 1 else tensor).as_subclass(cls)
        points.canvas_size = canvas_size
        return points

    @classmethod
    def wrap(cls, tensor: torch.Tensor, like: KeyPoints, **kwargs: Any) -> KeyPoints:
        """The tensor as points in a canvas of the size of that of others, unless given."""
        return cls._wrap(tensor, canvas_size=kwargs.get("canvas_size", like.canvas_size))

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return self._make_repr(canvas_size=self.canvas_size)
