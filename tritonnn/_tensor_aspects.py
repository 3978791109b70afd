"""Further methods and properties of Tensor: devices and layouts that it never has, the order of its dimensions in
memory, the dtype of its gradient, and what older programs ask for.
"""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any, NoReturn

from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import warn
from tritonnn.memory_format import memory_format as MemoryFormat


def dim_order(tensor: Tensor) -> tuple[int, ...]:
    """The dimensions from the one of the largest stride to that of the smallest; those of one stride as they come."""
    strides, shape = tensor.stride(), tensor.shape
    order: list[int] = []
    for d in range(len(shape)):  # an expanded or single dimension stays behind the one before it
        place = len(order)
        for i in range(len(order) - 1, -1, -1):
            other = order[i]
            if not strides[d] or not strides[other]:
                continue
            if strides[d] > strides[other] or (strides[d] == strides[other] and shape[d] > shape[other]):
                place = i
            elif strides[d] < strides[other]:
                break
        order.insert(place, d)
    return tuple(order)


class Aspects(Tensor):
    """Never instantiated: what stands here becomes a method or property of Tensor."""

    def is_nonzero(self) -> bool:
        """Whether the only element is not zero.

        Raises:
            RuntimeError: there is not exactly one.
        """
        return bool(self)

    def is_distributed(self) -> bool:
        """False: no tensor is spread over processes."""
        return False

    def _is_zerotensor(self) -> bool:
        return False

    def _is_all_true(self) -> Tensor:
        return self.all()

    def _is_any_true(self) -> Tensor:
        return self.any()

    def const_data_ptr(self) -> int:
        """Address of the first element."""
        return self.data_ptr()

    def dim_order(self, *, ambiguity_check: bool | list[MemoryFormat] = False) -> tuple[int, ...]:
        """The dimensions as they lie in memory, the outermost first.

        Args:
            ambiguity_check: whether to refuse a tensor that has several such orders, as with dimensions of extent 1;
                a list of memory formats settles which one is meant where exactly one of them fits.

        >>> import tritonnn as torch
        >>> torch.ones(2, 3).t().dim_order()
        (1, 0)
        """
        formats = ambiguity_check if isinstance(ambiguity_check, list) else []
        if not isinstance(ambiguity_check, (bool, list)) or not all(
            isinstance(f, MemoryFormat) for f in formats
        ):
            raise TypeError(
                "dim_order: The ambiguity_check argument must be a bool or a list of memory formats."
            )
        if ambiguity_check is not False:
            strides = self.stride()
            several = 1 in self.shape or any(a == b for a, b in pairwise(strides))
            if several and sum(self.is_contiguous(memory_format=f) for f in formats) != 1:
                raise RuntimeError(
                    "dim_order: The tensor does not have unique dim order, or cannot map to exact one of the given "
                    f"memory formats: shape {tuple(self.shape)}, strides {strides}."
                )
        for order in ((), (0, 2, 3, 1), (0, 2, 3, 4, 1)):
            moved = self.permute(order) if len(order) == len(self.shape) else self
            if moved.is_contiguous():
                return order if moved is not self else tuple(range(len(self.shape)))
        return dim_order(self)

    @property
    def grad_dtype(self) -> DType | None:
        """The dtype of this leaf's gradient: its own unless another one is set; None lets it be any."""
        if self.grad_fn is not None:
            raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
        kind = self.__dict__.get("_grad_dtype", ...)
        return self._dtype if kind is ... else kind

    @grad_dtype.setter
    def grad_dtype(self, value: DType | None) -> None:
        if value is not None and not isinstance(value, DType):
            raise RuntimeError(f"grad_dtype must be a torch.dtype or None, but got {type(value).__name__}")
        if self.grad_fn is not None:
            raise RuntimeError("grad_dtype can only be set on leaf tensors.")
        if value is not None and self._grad is not None and self._grad._dtype is not value:
            raise RuntimeError(
                f"Cannot set grad_dtype to '{value}' because there is already a gradient with dtype "
                f"'{self._grad._dtype}'. Please clear the gradient (.grad = None) before changing grad_dtype."
            )
        self._grad_dtype = value

    @property
    def _backward_hooks(self) -> Any:
        """The hooks of this leaf by number; None where it has none."""
        return self._hooks or None

    def module_load(self, other: Tensor, assign: bool = False) -> Tensor:
        """What `load_state_dict` makes of this parameter and the tensor of a state dict.

        Args:
            other: what was saved.
            assign: whether it takes this one's place, instead of its values.
        """
        return other.detach() if assign else self.copy_(other).detach()

    # ---- devices that are never there -----------------------------------------------------------------

    def ipu(self, device: int | None = None, non_blocking: bool = False) -> Tensor:
        """Refused: tritonnn has no backend for that device."""
        _no_device("ipu")

    def mtia(self, device: int | None = None, non_blocking: bool = False) -> Tensor:
        """Refused: tritonnn has no backend for that device."""
        _no_device("mtia")

    def xpu(self, device: int | None = None, non_blocking: bool = False) -> Tensor:
        """Refused: tritonnn has no backend for that device."""
        _no_device("xpu")

    # ---- what older programs ask for ------------------------------------------------------------------

    @property
    def volatile(self) -> bool:
        """False, with a warning: `torch.no_grad()` took its place."""
        warn("volatile was removed (Variable.volatile is always False). Use `with torch.no_grad():` instead.")
        return False

    @volatile.setter
    def volatile(self, value: object) -> None:
        warn("volatile was removed and now has no effect. Use `with torch.no_grad():` instead.")

    def reinforce(self, reward: float) -> None:
        """Refused: `torch.distributions` took its place."""
        raise RuntimeError(
            "reinforce() was removed. Use torch.distributions instead: loss = -Categorical(probs).log_prob(action) * "
            "reward"
        )

    def resize(self, *sizes: int) -> Tensor:
        """Deprecated: `view` of the same number of elements."""
        warnings.warn("non-inplace resize is deprecated", stacklevel=2)
        extents = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
        for extent in extents:
            if isinstance(extent, bool) or not isinstance(extent, int):
                raise TypeError(
                    f"resize(): argument 'sizes' must be tuple of ints, not {type(extent).__name__}"
                )
        return _resized(self, extents)

    def resize_as(self, tensor: Tensor) -> Tensor:
        """Deprecated: `view` in the shape of another tensor of the same number of elements."""
        warnings.warn("non-inplace resize_as is deprecated", stacklevel=2)
        return _resized(self, tuple(tensor.shape))

    def _typed_storage(self) -> Any:
        return self.storage()


def _resized(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    count = 1
    for extent in shape:
        count *= extent
    if count != tensor.numel():
        raise RuntimeError(
            f"requested resize to {'x'.join(map(str, shape))} ({count} elements in total), but the given tensor has a "
            f"size of {'x'.join(map(str, tensor.shape))} ({tensor.numel()} elements). autograd's resize can only "
            "change the shape of a given tensor, while preserving the number of elements. "
        )
    return tensor.contiguous().view(shape)


def _no_device(name: str) -> NoReturn:
    raise RuntimeError(
        f"Tensor.{name}(): tritonnn has no backend for the device {name}; there is one for cpu and cuda"
    )


for _name in (
    "is_ipu",
    "is_maia",
    "is_mtia",
    "is_vulkan",
    "is_xla",
    "_python_dispatch",
    "_has_symbolic_sizes_strides",
):
    setattr(Aspects, _name, property(lambda self: False, doc="False: there are no such tensors."))
