"""Pictures."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn.vision._pillow import is_image
from tritonnn.vision.tv_tensors._tv_tensor import TVTensor


class Image(TVTensor):
    """A picture, or a batch of them: a tensor of shape (..., channels, height, width).

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> tv_tensors.Image([[1, 2], [3, 4]])
    Image([[[1, 2],
            [3, 4]]], )

    Args:
        data: what `torch.as_tensor` takes, or a picture of Pillow's; two dimensions become one channel.
        dtype: of the elements; of None that of the data.
        device: of None that of the data.
        requires_grad: of None that of the data.
    """

    def __new__(
        cls,
        data: Any,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | int | None = None,
        requires_grad: bool | None = None,
    ) -> Image:
        tensor = cls._to_tensor(_elements(data), dtype=dtype, device=device, requires_grad=requires_grad)
        if tensor.ndim < 2:
            raise ValueError(f"Tensor must be 2D or higher, got {tensor.ndim}D tensor.")
        return (tensor.unsqueeze(0) if tensor.ndim == 2 else tensor).as_subclass(cls)

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return self._make_repr()


def _elements(data: Any) -> Any:
    """The data, of a picture of Pillow's its pixels."""
    if not is_image(data):
        return data
    from tritonnn.vision.transforms.functional import pil_to_tensor

    return pil_to_tensor(data)
