"""The class above all tensors that say what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tritonnn as torch
from tritonnn._overriding import DisableTorchFunctionSubclass
from tritonnn.utils._pytree import tree_leaves
from tritonnn.vision.tv_tensors._torch_function_helpers import keeps_class

# What gives the same thing once more, elsewhere or in another type: its result is of the class in any case.
_KEEPING = frozenset((
    torch.Tensor.clone, torch.Tensor.to, torch.Tensor.detach, torch.Tensor.requires_grad_, torch.Tensor.pin_memory,
))  # fmt: skip


class TVTensor(torch.Tensor):
    """A tensor that says what it is; users use its subclasses, or derive from it.

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> class Depth(tv_tensors.TVTensor): ...
    >>> depth = torch.ones(1, 2, 2).as_subclass(Depth)
    >>> type(depth.clone()).__name__, type(depth * 2).__name__
    ('Depth', 'Tensor')
    """

    _metadata: tuple[str, ...] = ()  # attributes that results of the class take over

    if TYPE_CHECKING:  # what `__new__` of a subclass takes, Tensor's `__init__` does not

        def __init__(self, *args: object, **kwargs: object) -> None: ...

    @staticmethod
    def _to_tensor(
        data: Any,
        dtype: torch.dtype | None = None,
        device: torch.device | str | int | None = None,
        requires_grad: bool | None = None,
    ) -> torch.Tensor:
        if requires_grad is None:
            requires_grad = isinstance(data, torch.Tensor) and data.requires_grad
        return torch.as_tensor(data, dtype=dtype, device=device).requires_grad_(requires_grad)

    @classmethod
    def wrap(cls, tensor: torch.Tensor, like: Any, **kwargs: Any) -> Any:
        """The tensor as one of this class; subclasses with metadata take it from `like` and `kwargs`."""
        return tensor.as_subclass(cls)

    @classmethod
    def _wrap_output(
        cls, output: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """A result as one of this class; its metadata is that of the first argument of the class."""
        if isinstance(output, (tuple, list)) and not isinstance(output, torch.Size):
            parts = [cls._wrap_output(part, args, kwargs) for part in output]
            return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
        if not isinstance(output, torch.Tensor) or isinstance(output, cls):
            return output
        result = output.as_subclass(cls)
        if cls._metadata:
            like = next(arg for arg in tree_leaves((args, kwargs)) if isinstance(arg, cls))
            for name in cls._metadata:
                setattr(result, name, getattr(like, name))
        return result

    @classmethod
    def __torch_function__(
        cls,
        func: Callable,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if not all([issubclass(cls, kind) for kind in types]):
            return NotImplemented
        with DisableTorchFunctionSubclass():
            output = func(*args, **(kwargs or {}))
        # `plain.to(image)` asks this class as well, but its result is what the first argument is
        if keeps_class() or (func in _KEEPING and isinstance(args[0], cls)):
            return cls._wrap_output(output, args, kwargs)
        # in-place ops give the tensor that they are called on
        return output.as_subclass(torch.Tensor) if isinstance(output, cls) else output

    def _make_repr(self, **metadata: object) -> str:
        said = ", ".join([f"{name}={value}" for name, value in metadata.items()])
        return f"{super().__repr__()[:-1]}, {said})"

    # These are asked for so often that they go the short way.
    @property
    def shape(self) -> torch.Size:
        with DisableTorchFunctionSubclass():
            return super().shape

    @property
    def ndim(self) -> int:
        with DisableTorchFunctionSubclass():
            return super().ndim

    @property
    def device(self) -> torch.device:
        with DisableTorchFunctionSubclass():
            return super().device

    @property
    def dtype(self) -> torch.dtype:
        with DisableTorchFunctionSubclass():
            return super().dtype

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        # what `clone` copies stays in the graph, which a deep copy does not
        return self.detach().clone().requires_grad_(self.requires_grad)
