"""MaskedTensor: a tensor of which a mask says which elements count.

It is a pair of plain tensors. What is computed with it is computed with the data, where it is recorded as usual, so
that gradients need no words here; the mask goes along.
"""

from __future__ import annotations

import copy
from typing import Any

from tritonnn import _overriding, dtypes
from tritonnn._subclass_dispatch import without_memory
from tritonnn._tensor import Tensor
from tritonnn.masked._calls import CALLS, answer
from tritonnn.masked._masked_printing import shown
from tritonnn.memory_format import strided

_SUPPORTED = (
    dtypes.float16, dtypes.float32, dtypes.float64, dtypes.bool_, dtypes.int8, dtypes.int16, dtypes.int32,
    dtypes.int64,
)  # fmt: skip


class MaskedTensor(Tensor):
    """A tensor whose elements count where its mask is True; made by `masked_tensor` and `as_masked_tensor`.

    Args:
        data: the elements, which are copied.
        mask: a bool tensor of the same shape.
        requires_grad: whether gradients of it are recorded.

    >>> import tritonnn as torch
    >>> from tritonnn.masked import masked_tensor
    >>> x = masked_tensor(torch.tensor([1., 2., 3.]), torch.tensor([True, False, True]))
    >>> x
    MaskedTensor(
      [  1.0000,       --,   3.0000]
    )
    >>> x.mean()
    MaskedTensor(  2.0000, True)
    """

    _masked_data: Tensor
    _masked_mask: Tensor

    def __new__(cls, data: Any, mask: Any, requires_grad: bool = False) -> Any:
        check(data, mask)
        return pair(data.detach().clone().requires_grad_(requires_grad), mask.clone(), cls)

    def get_data(self) -> Tensor:
        """The elements, those that do not count included."""
        return vars(self)["_masked_data"]

    def get_mask(self) -> Tensor:
        """Which elements count."""
        return vars(self)["_masked_mask"]

    def to_tensor(self, value: Any) -> Tensor:
        """A plain tensor with a value where the mask is False."""
        return self.get_data().masked_fill(~self.get_mask(), value)

    def is_sparse_coo(self) -> bool:
        """False: a masked tensor is dense."""
        return False

    def is_sparse_csr(self) -> bool:  # type: ignore[override]
        """False: a masked tensor is dense."""
        return False

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return shown(self.get_data(), self.get_mask())

    def __deepcopy__(self, memo: dict) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        copied = pair(copy.deepcopy(self.get_data(), memo), copy.deepcopy(self.get_mask(), memo), type(self))
        memo[id(self)] = copied
        return copied

    def __reduce_ex__(self, protocol: object) -> tuple:
        return pair, (self.get_data(), self.get_mask(), type(self))

    @classmethod
    def __torch_function__(cls, func: Any, types: object, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("__get__", "__set__"):
            name = f"{_overriding.public_name(func).split('.')[-2]}.{name}"
        if name not in CALLS:
            raise TypeError(
                f"no implementation found for '{_overriding.public_name(func)}' on MaskedTensor: it is not implemented "
                "for masked tensors. Hint: compute with .get_data(), or with the functions of torch.masked and mask="
            )
        return answer(name, func, args, kwargs or {}, pair)


def pair(data: Tensor, mask: Tensor, cls: Any = MaskedTensor) -> Any:
    """A masked tensor of data, whose history it has, and a mask."""
    text = "MaskedTensor: has no memory of its own: .get_data() or .to_tensor(value) give a plain tensor"
    made = without_memory(cls, data.shape, data.stride(), 0, data.dtype, data.device, text)
    vars(made).update(_masked_data=data, _masked_mask=mask)
    return made


def check(data: Any, mask: Any) -> None:
    """Refuse what makes no masked tensor."""
    for name, value in (("data", data), ("mask", mask)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a Tensor, not {type(value).__name__}")
    if isinstance(data, MaskedTensor) or isinstance(mask, MaskedTensor):
        raise TypeError("data and mask must be plain tensors, not MaskedTensor")
    if data.layout is not mask.layout:
        raise TypeError(f"data and mask must have the same layout, got {data.layout} and {mask.layout}")
    if data.layout is not strided:
        raise NotImplementedError(
            f"MaskedTensor: is not implemented for {data.layout}: give it dense tensors"
        )
    if mask.dtype is not dtypes.bool_:
        raise TypeError(f"mask must have dtype bool. Got {mask.dtype}")
    if data.dtype not in _SUPPORTED:
        raise TypeError(f"{data.dtype} is not supported in MaskedTensor.")
    if data.ndim != mask.ndim:
        raise ValueError(f"data.dim() must equal mask.dim(), got {data.ndim} and {mask.ndim}")
    if data.shape != mask.shape:
        raise ValueError(
            f"data.size() must equal mask.size(), got {tuple(data.shape)} and {tuple(mask.shape)}"
        )


def masked_tensor(data: Tensor, mask: Tensor, requires_grad: bool = False) -> MaskedTensor:
    """A masked tensor that is a leaf.

    >>> import tritonnn as torch
    >>> x = torch.masked.masked_tensor(torch.tensor([1., 2.]), torch.tensor([True, False]), requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    MaskedTensor(
      [  2.0000,       --]
    )
    """
    return MaskedTensor(data, mask, requires_grad)


def as_masked_tensor(data: Tensor, mask: Tensor) -> MaskedTensor:
    """A masked tensor with the history of the data: gradients flow to what it was computed from.

    >>> import tritonnn as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> torch.masked.as_masked_tensor(x, torch.tensor([True, False])).sum().backward()
    >>> x.grad
    tensor([1., 0.])
    """
    check(data, mask)
    return pair(data.clone(), mask.clone())


def is_masked_tensor(obj: Any, /) -> bool:
    """Whether `obj` is a MaskedTensor.

    >>> import tritonnn as torch
    >>> torch.masked.is_masked_tensor(torch.ones(1))
    False
    """
    return isinstance(obj, MaskedTensor)
