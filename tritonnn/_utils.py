"""What packages take from `torch._utils`: rebuilding saved tensors, lists of tensors as one, errors of workers."""

from __future__ import annotations

import functools
import importlib
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, NoReturn

import tritonnn
from tritonnn._parameter import _rebuild_parameter as _rebuild_parameter
from tritonnn._parameter import _rebuild_parameter_with_state as _rebuild_parameter_with_state
from tritonnn._removed import classproperty as classproperty
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.serialization._tensors import rebuild_meta as _rebuild_meta_tensor_no_storage
from tritonnn.serialization._tensors import rebuild_sparse as _rebuild_sparse_tensor
from tritonnn.serialization._tensors import rebuild_tensor as _rebuild_tensor
from tritonnn.serialization._tensors import rebuild_tensor_v2 as _rebuild_tensor_v2
from tritonnn.serialization._tensors import rebuild_tensor_v3 as _rebuild_tensor_v3

__all__ = [
    "ExceptionWrapper", "KeyErrorMessage", "_element_size", "_flatten_dense_tensors", "_get_all_device_indices",
    "_get_available_device_type", "_get_device_index", "_get_device_module", "_import_dotted_name",
    "_rebuild_meta_tensor_no_storage", "_rebuild_parameter", "_rebuild_parameter_with_state",
    "_rebuild_sparse_tensor", "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_reorder_tensors_as",
    "_take_tensors", "_unflatten_dense_tensors", "classproperty", "is_compiling",
]  # fmt: skip


torch = tritonnn  # pickles that PyTorch wrote name memory formats so: `torch._utils.torch.channels_last`


def _element_size(dtype: DType) -> int:
    """Bytes of an element.

    >>> import tritonnn as torch
    >>> from tritonnn._utils import _element_size
    >>> _element_size(torch.float64)
    8
    """
    if not isinstance(dtype, DType):
        raise RuntimeError(f"expected torch.dtype, but got {type(dtype)}")
    return dtype.itemsize


def _get_device_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
    """The index that a device, its name or an int names.

    Args:
        optional: a device without an index, and None, is the current GPU.
        allow_cpu: the CPU is -1.

    Raises:
        ValueError: there is none.
    """
    if isinstance(device, str):
        device = Device(device)
    if isinstance(device, Device):
        if device.type == "cpu" and not allow_cpu:
            raise ValueError(f"Expected a non cpu device, but got: {device}")
        index = -1 if device.type == "cpu" else device.index
    else:
        index = device if isinstance(device, int) else None
    if index is not None:
        return index
    if not optional:
        raise ValueError(f"Expected a torch.device with a specified index or an integer, but got:{device}")
    return tritonnn.cuda.current_device() if tritonnn.cuda.is_available() else None  # type: ignore[return-value]


def _get_available_device_type() -> str | None:
    """'cuda' where there is a GPU, else None."""
    return "cuda" if tritonnn.cuda.is_available() else None


def _get_all_device_indices() -> list[int] | None:
    """The indices of the GPUs; None where there is none."""
    return list(range(tritonnn.cuda.device_count())) if tritonnn.cuda.is_available() else None


def _get_device_module(device_type: str) -> Any:
    """`torch.cuda` and the like."""
    module = getattr(tritonnn, device_type, None)
    if module is None:
        raise RuntimeError(
            f"Device '{device_type}' does not have a corresponding module registered as 'torch.{device_type}'."
        )
    return module


def _import_dotted_name(name: str) -> Any:
    """What a dotted name of a module's attribute stands for."""
    module, *rest = name.split(".")
    return functools.reduce(getattr, rest, importlib.import_module(module))


def is_compiling() -> bool:
    """False: nothing is compiled as a whole."""
    return False


def _flatten_dense_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """The elements of tensors of one dtype, one after another.

    >>> import tritonnn as torch
    >>> from tritonnn._utils import _flatten_dense_tensors
    >>> _flatten_dense_tensors([torch.ones(1, 2), torch.zeros(1)])
    tensor([1., 1., 0.])
    """
    return tritonnn.cat([tensor.contiguous().view(-1) for tensor in tensors])


def _unflatten_dense_tensors(flat: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The parts of a flat tensor as views, shaped as the tensors."""
    offsets = [0]
    for tensor in tensors:
        offsets.append(offsets[-1] + tensor.numel())
    return tuple(
        flat.narrow(0, start, tensor.numel()).view(tensor.shape) for start, tensor in zip(offsets, tensors)
    )


def _take_tensors(tensors: Iterable[Tensor], size_limit: int) -> Iterator[list[Tensor]]:
    """Tensors of one dtype in groups of at most so many bytes, or of one tensor that has more."""
    groups: dict[str, tuple[list[Tensor], int]] = defaultdict(lambda: ([], 0))
    for tensor in tensors:
        key, size = tensor.type(), tensor.numel() * tensor.element_size()
        held, taken = groups[key]
        if taken + size > size_limit and held:
            yield held
            held, taken = [], 0
        groups[key] = [*held, tensor], taken + size
    yield from (held for held, _ in groups.values() if held)


def _reorder_tensors_as(tensors: Iterable[Tensor], ordered: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Tensors, of each dtype in the given order, in the order of dtypes of others."""
    queues: dict[str, list[Tensor]] = defaultdict(list)
    for tensor in tensors:
        queues[tensor.type()].append(tensor)
    iterators = {kind: iter(queue) for kind, queue in queues.items()}
    return tuple(next(iterators[tensor.type()]) for tensor in ordered)


class KeyErrorMessage(str):
    """The text of a KeyError, which its `repr` shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class ExceptionWrapper:
    """An exception of another thread or process, to be raised in this one with the other's traceback as its text.

    Args:
        exc_info: as of `sys.exc_info()`; that of now for None.
        where: where it was raised, such as 'in DataLoader worker process 0'.

    >>> from tritonnn._utils import ExceptionWrapper
    >>> try:
    ...     raise ValueError("no")
    ... except ValueError:
    ...     caught = ExceptionWrapper(where="in a worker")
    >>> caught.exc_type, caught.where
    (<class 'ValueError'>, 'in a worker')
    """

    def __init__(
        self,
        exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | None = None,
        where: str = "in background",
    ) -> None:
        kind, error, trace = sys.exc_info() if exc_info is None else exc_info
        assert kind is not None, "ExceptionWrapper: there is no exception to take"
        self.exc_type, self.where = kind, where
        self.exc_msg = "".join(traceback.format_exception(kind, error, trace))

    def reraise(self) -> NoReturn:
        """Raise one of the same class; a RuntimeError where that cannot be made of a text."""
        text = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            raise KeyError(KeyErrorMessage(text))
        if getattr(self.exc_type, "message", None):
            raise self.exc_type(message=text)  # type: ignore[call-arg]
        try:
            error = self.exc_type(text)
        except Exception:
            raise RuntimeError(text) from None
        raise error
