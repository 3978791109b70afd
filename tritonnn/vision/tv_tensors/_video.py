"""Videos."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn.vision.tv_tensors._tv_tensor import TVTensor


class Video(TVTensor):
    """A video, or a batch of them: a tensor of shape (..., frames, channels, height, width).

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> tv_tensors.Video(torch.zeros(8, 3, 4, 4)).shape
    torch.Size([8, 3, 4, 4])

    Args:
        data: what `torch.as_tensor` takes.
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
    ) -> Video:
        tensor = cls._to_tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)
        if tensor.ndim < 4:
            raise ValueError(
                f"a Video has dimensions (..., frames, channels, height, width): got {tensor.ndim}"
            )
        return tensor.as_subclass(cls)

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return self._make_repr()
