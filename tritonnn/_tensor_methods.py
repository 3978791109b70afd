"""The methods of Tensor that need more than a tensor knows: attached here, as the ops attach theirs.

`_tensor.py` says what a tensor is. Its construction from data, backward and hooks, sharing, storages, exchange with
other libraries, printing, copying and pickling stand on higher floors; so does the device runtime.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from types import FunctionType
from typing import Any, SupportsIndex, overload

from tritonnn._tensor import Tensor
from tritonnn.autograd.api import backward
from tritonnn.device import CPU, register_runtime
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import get_default_dtype
from tritonnn.ops.conversion.conversion import deep_copy
from tritonnn.recording import graph


class _Methods(Tensor):
    """Never instantiated: what stands here becomes a method or property of Tensor."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """`Tensor(2, 3)`, `Tensor([1, 2])`: the constructor of older programs; subclasses make themselves."""
        if cls is not Tensor:
            return object.__new__(cls)
        from tritonnn.legacy_types import construct

        return construct(get_default_dtype(), CPU, args, kwargs)

    # ---- autograd -------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for it; settable on leaves."""
        if self._base is not None:
            graph.refresh_view(self)
        return self._rg

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    @property
    def grad_fn(self) -> Any:
        """The graph node that computed it; None for leaves."""
        if self._base is not None:
            graph.refresh_view(self)
        return self._node

    creator = grad_fn

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded op computed it."""
        return self.grad_fn is None

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
        retain_variables: bool | None = None,
    ) -> None:
        """Accumulate into the leaves' `.grad` the gradient of this tensor.

        Args:
            gradient: d(objective)/d(self), shaped like self; 1 for a scalar.
            retain_graph: keep what backward needs for another call; default: `create_graph`.
            create_graph: record backward itself, for higher derivatives.
            inputs: accumulate into these tensors only.
            retain_variables: older name of `retain_graph`.

        Raises:
            RuntimeError: not a scalar and no gradient given; nothing requires grad; the graph was freed; a saved
                tensor was modified in place.
        """
        backward(
            self,
            gradient,
            retain_variables if retain_graph is None else retain_graph,
            create_graph,
            inputs=inputs,
        )

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Call `hook(grad)` when the gradient of this tensor is known; a returned tensor replaces it."""
        return graph.register_tensor_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """Call `hook(tensor)` after backward has added to this leaf's `.grad`."""
        return graph.register_post_accumulate_hook(self, hook)

    def retain_grad(self) -> None:
        """Keep `.grad` of a tensor that is not a leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is not None and not self._retains_grad:
            self._retains_grad = True
            graph.retain_grad(self)

    @property
    def retains_grad(self) -> bool:
        """Whether backward keeps `.grad` of this tensor though it is not a leaf."""
        return self._retains_grad

    # ---- memory ---------------------------------------------------------------------------------------

    def share_memory_(self) -> Tensor:
        """Move the memory to where other processes see it; a GPU tensor is shared already."""
        if self.device.type == "cpu" and not self.is_shared():
            from tritonnn.multiprocessing import share

            share(self)
        return self

    def new(self, *args: Any, **kwargs: Any) -> Tensor:
        """Older name: a tensor of this one's dtype and device, from sizes or data."""
        from tritonnn.legacy_types import new

        return new(self, *args, **kwargs)

    def storage(self) -> Any:
        """The memory behind the tensor as a flat sequence of its elements."""
        from tritonnn.legacy_types import storage_of

        return storage_of(self)

    def untyped_storage(self) -> Any:
        """The memory behind the tensor as bytes."""
        from tritonnn.legacy_types import UntypedStorage

        return UntypedStorage(wrap=self._storage)

    @overload
    def type(self) -> str: ...
    @overload
    def type(self, dtype: DType | type | str, non_blocking: bool = False, **old: Any) -> Tensor: ...
    def type(self, dtype: DType | type | str | None = None, non_blocking: bool = False, **old: Any) -> Any:
        """The type's name, such as 'torch.FloatTensor'; given a dtype or such a name, the values in it."""
        from tritonnn.legacy_types import parse_type, type_name

        if dtype is None:
            return type_name(self)
        wanted, device = parse_type(dtype)
        return self.to(device or self.device, wanted, non_blocking=old.pop("async", non_blocking))

    def storage_type(self) -> Any:
        """The class of `storage()`."""
        from tritonnn.legacy_types import STORAGES

        return STORAGES[self.dtype]

    def __dlpack__(
        self,
        *,
        stream: int | None = -1,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """The memory for another library, as `tritonnn.utils.dlpack.export` says."""
        from tritonnn.utils import dlpack

        return dlpack.export(self, stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        from tritonnn.utils import dlpack

        return dlpack.dlpack_device(self)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        from tritonnn.utils import dlpack

        return dlpack.cuda_array_interface(self)

    # ---- printing, copying, pickling ------------------------------------------------------------------

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        from tritonnn._printing import tensor_str

        return tensor_str(self)

    def __deepcopy__(self, memo: dict) -> Tensor:
        if self._node is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
                "at the moment."
            )
        if id(self) in memo:
            return memo[id(self)]
        copy = deep_copy(self, memo)
        copy.__class__ = self.__class__
        copy._rg = self._rg
        if self._grad is not None:
            copy._grad = deepcopy(self._grad, memo)
        memo[id(self)] = copy
        for key, value in self.__dict__.items():
            if key not in _OWN_FIELDS:
                copy.__dict__[key] = deepcopy(value, memo)
        return copy

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple:
        from tritonnn.serialization import reduce_tensor

        return reduce_tensor(self)


def _runtime() -> Any:
    from tritonnn.runtime.interface import runtime

    return runtime()


def _cuda() -> Any:
    from tritonnn import cuda

    return cuda


def _attach() -> None:
    for name, value in list(vars(_Methods).items()):
        if isinstance(value, (FunctionType, staticmethod, property)):
            if isinstance(value, FunctionType):
                value.__qualname__ = f"Tensor.{name}"
            setattr(Tensor, name, value)


_attach()
_OWN_FIELDS = frozenset(k for k in Tensor.__dict__ if k.startswith("_")) | {"_stride", "_offset"}
register_runtime(_runtime, _cuda)
