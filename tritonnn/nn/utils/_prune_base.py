"""What all pruning methods share: a mask over a tensor, kept up by a hook, and several of them in a row."""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.memory_format import contiguous_format
from tritonnn.nn.module import Module
from tritonnn.ops.creation.creation import ones_like


class BasePruningMethod(ABC):
    """A hook that puts NAME = `NAME_orig` · `NAME_mask` before each forward; subclasses say how the mask is made.

    Attributes:
        PRUNING_TYPE: 'unstructured', 'structured' (whole slices along `dim`) or 'global': which part of a tensor that
            is pruned already the method is shown.
    """

    PRUNING_TYPE: str
    _tensor_name: str

    def __call__(self, module: Module, inputs: object) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Any:
        """The mask for a tensor of importances `t`, of 0 wherever `default_mask` is."""

    def apply_mask(self, module: Module) -> Any:
        """The module's tensor with its mask applied."""
        assert self._tensor_name is not None, f"Module {module} has to be pruned"
        original = getattr(module, f"{self._tensor_name}_orig")
        return getattr(module, f"{self._tensor_name}_mask").to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune the tensor `name` of `module`, on top of what has been pruned, and register the hook.

        Args:
            args, kwargs: of the method's class.
            importance_scores: what to judge by instead of the tensor's values, of its shape.
        """
        key = find(module, name)
        before: Any = None if key is None else module._forward_pre_hooks.pop(key)
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        if before is not None:
            container = before if isinstance(before, PruningContainer) else PruningContainer(before)
            container.add_pruning_method(method)
            method = container
        tensor = getattr(module, name)
        if importance_scores is None:
            importance_scores = tensor
        else:
            assert importance_scores.shape == tensor.shape, (
                f"importance_scores should have the same shape as parameter {name} of {module}, got "
                f"{importance_scores.shape} vs {tensor.shape}"
            )
        first = before is None
        if first:
            module.register_parameter(f"{name}_orig", tensor)
            del module._parameters[name]
            mask = ones_like(tensor)
        else:
            mask = getattr(module, f"{name}_mask").detach().clone(memory_format=contiguous_format)
        try:
            module.register_buffer(f"{name}_mask", method.compute_mask(importance_scores, default_mask=mask))
            method(module, None)
            module.register_forward_pre_hook(method)
        except Exception:
            if first:
                module.register_parameter(name, module._parameters.pop(f"{name}_orig"))
            raise
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Any:
        """`t` with the mask that the method computes for it applied; no module is touched.

        Args:
            t: the tensor.
            default_mask: what has been pruned from it; nothing by default.
            importance_scores: what to judge by instead of its values, of its shape.
        """
        if importance_scores is None:
            importance_scores = t
        else:
            assert importance_scores.shape == t.shape, (
                "importance_scores should have the same shape as tensor t, got "
                f"{importance_scores.shape} vs {t.shape}"
            )
        mask: Any = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(importance_scores, default_mask=mask)

    def remove(self, module: Module) -> None:
        """Make the pruned values the module's parameter for good. The hook itself is not removed."""
        name = self._tensor_name
        assert name is not None, f"Module {module} has to be pruned before pruning can be removed"
        pruned = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original: Any = module._parameters.pop(f"{name}_orig")
        original.data = pruned.data
        del module._buffers[f"{name}_mask"]
        setattr(module, name, original)


class PruningContainer(BasePruningMethod):
    """Pruning methods of one tensor, in the order in which they were applied.

    Args:
        args: the methods, which must be of the same tensor.
    """

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[Any, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: object) -> None:
        """Append a method.

        Raises:
            TypeError: it is none. ValueError: it is of another tensor.
        """
        if method is not None and not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int | slice) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Any:
        """The mask of the last method, for what `default_mask` has left over.

        Raises:
            ValueError: its PRUNING_TYPE is none of the three. AttributeError: it is 'structured' without `dim`.
        """
        method: Any = self._pruning_methods[-1]
        mask: Any = default_mask.to(dtype=t.dtype)
        part = _left_over(method, mask)
        new: Any = mask.clone()
        new[part] = method.compute_mask(t[part], default_mask=mask[part]).to(dtype=mask.dtype)
        return new


def _left_over(method: BasePruningMethod, mask: Tensor) -> Any:
    """The index of what a method is shown of a tensor that is pruned already."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    if method.PRUNING_TYPE == "global":
        return (slice(None),) * mask.ndim
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError(
            'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
        )
    dim = method.dim + mask.ndim if method.dim < 0 else method.dim
    if dim < 0:
        raise IndexError(f"Index is out of bounds for tensor with dimensions {mask.ndim}")
    kept = mask.sum(dim=[d for d in range(mask.ndim) if d != dim]) != 0
    return (*(slice(None),) * dim, kept)


def find(module: Module, name: str) -> int | None:
    """The key of the pruning hook on the tensor `name`."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return key
    return None


def check_amount(amount: object) -> None:
    """That it is a share between 0 and 1, or a number of elements."""
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    most = float("inf") if isinstance(amount, numbers.Integral) else 1.0
    if not 0 <= float(amount) <= most:
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
        )


def count(amount: float, size: int) -> Any:
    """How many of `size` elements to prune; ValueError where there are fewer than asked for."""
    if not isinstance(amount, numbers.Integral):
        return round(amount * size)
    if int(amount) > size:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
    return amount
