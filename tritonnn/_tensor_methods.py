"""The methods of Tensor that need more than a tensor knows: attached here, as the ops attach theirs.

`_tensor.py` says what a tensor is. Its construction from data, backward and hooks, sharing, storages, exchange with
other libraries, printing, copying and pickling stand on higher floors; so does the device runtime.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from types import FunctionType
from typing import Any, SupportsIndex, overload

import numpy as np

from tritonnn import _overridable, _subclass_dispatch
from tritonnn._conjugated import ConjugatedTensor
from tritonnn._levels import refuse_inside
from tritonnn._overriding import DisableTorchFunctionSubclass
from tritonnn._parameter import _rebuild_from_type_v2, attributes, of_class
from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor, check_grad, set_requires_grad
from tritonnn._tensor_aspects import Aspects
from tritonnn.autograd.api import backward
from tritonnn.device import CPU, register_runtime
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import get_default_dtype
from tritonnn.ops.conversion.conversion import deep_copy
from tritonnn.ops.elementwise.conjugation import attach_forms
from tritonnn.ops.shape.alias import alias
from tritonnn.recording import graph, hooks
from tritonnn.recording.grad_mode import state
from tritonnn.table import NAMESPACES


class _Methods(Tensor):
    """Never instantiated: what stands here becomes a method or property of Tensor."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """`Tensor(2, 3)`, `Tensor([1, 2])`: the constructor of older programs; subclasses make themselves."""
        from tritonnn.legacy_types import construct

        kind = args[0].dtype if len(args) == 1 and isinstance(args[0], Tensor) else get_default_dtype()
        made = construct(kind, CPU, args, kwargs)
        return made if cls is Tensor else of_class(made, cls)

    def as_subclass(self, cls: type) -> Any:
        """The same memory and history as a tensor of a subclass.

        >>> import tritonnn as torch
        >>> class Image(torch.Tensor):
        ...     pass
        >>> torch.ones(2).as_subclass(Image) * 2
        Image([2., 2.])
        """
        if not isinstance(cls, type) or not issubclass(cls, Tensor):
            raise TypeError(f"as_subclass(): argument 'cls' must be a subclass of Tensor, not {cls!r}")
        with DisableTorchFunctionSubclass():
            return of_class(alias(self), cls)

    # ---- autograd -------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for it; settable on leaves."""
        base = self._base
        return self._rg or (base is not None and base._rg and self.dtype.kind >= 2)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, (bool, np.bool_)):
            raise RuntimeError(f"requires_grad must be a bool, not {type(value).__name__}")
        self.requires_grad_(value)

    @requires_grad.deleter
    def requires_grad(self) -> None:
        raise RuntimeError("requires_grad must be a bool, and cannot be deleted")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start (or stop) recording operations on this leaf; returns it."""
        if requires_grad:
            refuse_inside("Tensor.requires_grad_()")
        if requires_grad is True and self._storage.version < 0 and not state.inference:
            raise RuntimeError(
                "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
            )
        return set_requires_grad(self, requires_grad)

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

    @property
    def _recorded(self) -> bool:
        return state.enabled and self.requires_grad

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by backward, or None."""
        if self._grad is None and self._node is not None and self._rg and not self._retains_grad:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
                "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated "
                "for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor "
                "by mistake, make sure you access the leaf Tensor instead.",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            check_grad(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Call `hook(grad)` when the gradient of this tensor is known; a returned tensor replaces it."""
        return hooks.register_tensor_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """Call `hook(tensor)` after backward has added to this leaf's `.grad`."""
        return hooks.register_post_accumulate_hook(self, hook)

    def retain_grad(self) -> None:
        """Keep `.grad` of a tensor that is not a leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.grad_fn is not None:
            self._retains_grad = True
            graph.retain(self)

    @property
    def retains_grad(self) -> bool:
        """Whether backward keeps `.grad` of this tensor though it is not a leaf."""
        return self._retains_grad

    # ---- memory ---------------------------------------------------------------------------------------

    def share_memory_(self) -> Tensor:
        """Move the memory to where other processes see it; a GPU tensor is shared already."""
        if self.device.type == "cpu" and not self.is_shared():
            from tritonnn.multiprocessing import share

            share(self._storage)
        return self

    def new(self, *args: Any, **kwargs: Any) -> Tensor:
        """Older name: a tensor of this one's dtype and device, from sizes or data."""
        from tritonnn.legacy_types import new

        return new(self, *args, **kwargs)

    def storage(self) -> Any:
        """The memory behind the tensor as a flat sequence of its elements."""
        from tritonnn.storage.kinds import storage_of

        return storage_of(self)

    def untyped_storage(self) -> Any:
        """The memory behind the tensor as bytes."""
        from tritonnn.storage.untyped import UntypedStorage

        return UntypedStorage(wrap=self._storage)

    @overload
    def type(self) -> str: ...
    @overload
    def type(self, dtype: DType | type | str, non_blocking: bool = False, **old: object) -> Tensor: ...
    def type(self, dtype: DType | type | str | None = None, non_blocking: bool = False, **old: Any) -> Any:
        """The type's name, such as 'torch.FloatTensor'; given a dtype or such a name, the values in it."""
        from tritonnn.legacy_types import parse_type, type_name

        if dtype is None:
            return type_name(self)
        wanted, device = parse_type(dtype)
        return self.to(device or self.device, wanted, non_blocking=old.pop("async", non_blocking))

    def storage_type(self) -> Any:
        """The class of `storage()`."""
        from tritonnn.storage.kinds import STORAGES

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

    def __repr__(self, *, tensor_contents: object = None) -> str:
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

        function, args = reduce_tensor(self)
        conjugated = type(self) is ConjugatedTensor
        state = {} if conjugated else attributes(self)
        kind = Tensor if isinstance(self, Sparse) or conjugated else type(self)
        if kind is Tensor and not state:
            return function, args
        return _rebuild_from_type_v2, (function, kind, args, state)


def _runtime() -> Any:
    from tritonnn.runtime.interface import runtime

    return runtime()


def _cuda() -> Any:
    from tritonnn import cuda

    return cuda


def _attach() -> None:
    for name, value in [*vars(_Methods).items(), *vars(Aspects).items()]:
        if isinstance(value, (FunctionType, staticmethod, property)):
            setattr(Tensor, name, value)
    for name, value in list(vars(Tensor).items()):
        if isinstance(value, property):
            setattr(Tensor, name, _read_only(name, value))
    functions = {id(function) for names in NAMESPACES.values() for function in names.values()}
    for name, value in vars(Tensor).items():
        member = value.fget if isinstance(value, property) else value
        if isinstance(member, FunctionType) and id(member) not in functions:  # those have names of their own
            if name.startswith("__") and not member.__qualname__.startswith("Tensor."):
                member.__name__ = name
            named = member.__qualname__.startswith("Tensor.")  # an alias comes after what it stands for
            if not named and (member.__name__ == name or isinstance(value, property)):
                member.__qualname__ = f"Tensor.{name}"


def _read_only(name: str, member: property) -> property:
    """The property with PyTorch's refusal wherever it can be assigned, or deleted, by nothing of its own."""

    def refuse(self: Tensor, *value: object) -> None:
        raise AttributeError(f"attribute '{name}' of 'Tensor' objects is not writable")

    return property(member.fget, member.fset or refuse, member.fdel or refuse, member.__doc__)


_attach()
attach_forms()
_overridable.attach()
_subclass_dispatch.attach()
_OWN_FIELDS = frozenset(k for k in Tensor.__dict__ if k.startswith("_")) | {"_stride", "_offset"}
register_runtime(_runtime, _cuda)
