"""Pruning: parameters of which a mask keeps a part.

The parameter NAME of a module becomes `NAME_orig`, beside it stands the buffer `NAME_mask`, and a hook computes NAME as
their product before each forward. `remove` makes that product the parameter.

>>> import tritonnn as torch
>>> import tritonnn.nn.utils.prune as prune
>>> layer = prune.l1_unstructured(torch.nn.Linear(3, 2), "weight", amount=2)
>>> list(layer.state_dict()), int(layer.weight_mask.sum())
(['bias', 'weight_orig', 'weight_mask'], 4)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.memory_format import contiguous_format
from tritonnn.nn.module import Module
from tritonnn.nn.utils._prune_base import BasePruningMethod, PruningContainer, check_amount, count, find
from tritonnn.nn.utils.convert_parameters import parameters_to_vector
from tritonnn.ops.creation.creation import ones_like, zeros_like

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]  # fmt: skip


class Identity(BasePruningMethod):
    """Prunes nothing: a mask of ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Any:
        """The mask as it is."""
        return default_mask

    @classmethod
    def apply(cls, module: Module, name: str) -> Any:  # type: ignore[override]
        """Prune nothing of the tensor `name`."""
        return super().apply(module, name)


class _Unstructured(BasePruningMethod):
    """Elements by themselves.

    Args:
        amount: a share between 0.0 and 1.0, or a number of elements.
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Any:
        """`default_mask` without `amount` of the elements."""
        number = count(self.amount, t.numel())
        mask: Any = default_mask.clone(memory_format=contiguous_format)
        if number:
            mask.view(-1)[self._lowest(t, number)] = 0
        return mask

    def _lowest(self, t: Tensor, number: int) -> Any:
        raise NotImplementedError


class RandomUnstructured(_Unstructured):
    """Elements drawn at random.

    Args:
        amount: a share between 0.0 and 1.0, or a number of elements.
    """

    def _lowest(self, t: Tensor, number: int) -> Any:
        return t.new_empty(t.numel()).uniform_(0, 1).topk(number).indices

    @classmethod
    def apply(cls, module: Module, name: str, amount: float) -> Any:  # type: ignore[override]
        """Prune `amount` of the tensor `name`."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(_Unstructured):
    """The elements of least absolute value.

    Args:
        amount: a share between 0.0 and 1.0, or a number of elements.
    """

    def _lowest(self, t: Tensor, number: int) -> Any:
        return t.detach().abs().reshape(-1).topk(number, largest=False).indices

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, importance_scores: Tensor | None = None
    ) -> Any:
        """Prune `amount` of the tensor `name`, the least by value or by `importance_scores`."""
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class _Structured(BasePruningMethod):
    """Whole slices along a dimension.

    Args:
        amount: a share between 0.0 and 1.0, or a number of slices.
        dim: along which they lie.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        check_amount(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Any:
        """`default_mask` without `amount` of the slices.

        Raises:
            ValueError: `t` has one dimension, or not so many slices. IndexError: it has no such dimension.
        """
        if t.ndim <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. "
                f"Found tensor of shape {t.shape} with {t.ndim} dims"
            )
        if self.dim >= t.ndim:
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        number = count(self.amount, t.shape[self.dim])
        if not number:
            return default_mask
        dim = self.dim % t.ndim
        kept = self._importance(t.detach(), dim).topk(t.shape[dim] - number).indices
        mask: Any = zeros_like(t.detach())
        return mask.index_fill_(dim, kept, 1).mul_(default_mask.to(dtype=mask.dtype))

    def _importance(self, t: Tensor, dim: int) -> Any:
        """A number for each slice; the lowest go."""
        raise NotImplementedError


class RandomStructured(_Structured):
    """Slices drawn at random.

    Args:
        amount: a share between 0.0 and 1.0, or a number of slices.
        dim: along which they lie.
    """

    def _importance(self, t: Tensor, dim: int) -> Any:
        return t.new_empty(t.shape[dim]).uniform_(0, 1)

    @classmethod
    def apply(cls, module: Module, name: str, amount: float, dim: int = -1) -> Any:  # type: ignore[override]
        """Prune `amount` of the slices of the tensor `name`."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_Structured):
    """The slices of least norm.

    Args:
        amount: a share between 0.0 and 1.0, or a number of slices.
        n: which norm, as p of `torch.norm`: a number, inf, -inf, 'fro' or 'nuc'.
        dim: along which the slices lie.
    """

    def __init__(self, amount: float, n: float | str, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _importance(self, t: Tensor, dim: int) -> Any:
        return t.norm(p=self.n, dim=[d for d in range(t.ndim) if d != dim])

    @classmethod
    def apply(  # type: ignore[override]
        cls,
        module: Module,
        name: str,
        amount: float,
        n: float | str,
        dim: int,
        importance_scores: Tensor | None = None,
    ) -> Any:
        """Prune `amount` of the slices of the tensor `name`, the least by value or by `importance_scores`."""
        return super().apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)


class CustomFromMask(BasePruningMethod):
    """What a given mask of 0 and 1 says.

    Args:
        mask: of the tensor's shape.
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Any:
        """Both masks together."""
        assert default_mask.shape == self.mask.shape, (
            f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
        )
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module: Module, name: str, mask: Tensor) -> Any:  # type: ignore[override]
        """Prune the tensor `name` by a mask."""
        return super().apply(module, name, mask=mask)


def identity(module: Module, name: str) -> Any:
    """Prune nothing of the parameter `name` of `module`, which gets the names of one that is pruned.

    >>> import tritonnn as torch
    >>> torch.nn.utils.prune.identity(torch.nn.Linear(2, 3), "bias").bias_mask
    tensor([1., 1., 1.])
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Any:
    """Prune random elements of the parameter `name` of `module`.

    >>> import tritonnn as torch
    >>> int(torch.nn.utils.prune.random_unstructured(torch.nn.Linear(2, 3), "weight", 1).weight_mask.sum())
    5
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: float, importance_scores: Tensor | None = None) -> Any:
    """Prune the elements of least absolute value, or of least importance.

    Args:
        module: changed and returned.
        name: of its parameter.
        amount: a share between 0.0 and 1.0, or a number of elements.
        importance_scores: what to judge by instead of the values.
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Any:
    """Prune random slices along `dim` of the parameter `name` of `module`."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module,
    name: str,
    amount: float,
    n: float | str,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Any:
    """Prune the slices along `dim` of least norm, or of least norm of the importances.

    Args:
        module: changed and returned.
        name: of its parameter.
        amount: a share between 0.0 and 1.0, or a number of slices.
        n: which norm, as p of `torch.norm`.
        dim: along which the slices lie.
        importance_scores: what to judge by instead of the values.

    >>> import tritonnn as torch
    >>> layer = torch.nn.utils.prune.ln_structured(torch.nn.Linear(4, 3), "weight", 2, n=2, dim=1)
    >>> int((layer.weight_mask.sum(0) == 0).sum())
    2
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Any:
    """Prune the parameter `name` of `module` by a mask.

    >>> import tritonnn as torch
    >>> mask = torch.tensor([0, 1, 0])
    >>> torch.nn.utils.prune.custom_from_mask(torch.nn.Linear(5, 3), "bias", mask).bias_mask
    tensor([0., 1., 0.])
    """
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type,
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several parameters as if they were one.

    Args:
        parameters: pairs of module and name.
        pruning_method: a class of PRUNING_TYPE 'unstructured', or one like it.
        importance_scores: what to judge by instead of values, a dict from such pairs to tensors.
        kwargs: of the class, such as `amount`.

    Raises:
        TypeError: any of that is of another kind.

    >>> import tritonnn as torch
    >>> import tritonnn.nn.utils.prune as prune
    >>> a, b = torch.nn.Linear(10, 4), torch.nn.Linear(4, 1)
    >>> prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=10)
    >>> int(a.weight_mask.sum() + b.weight_mask.sum())
    34
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    listed: list[tuple[Any, str]] = list(parameters)
    tensors = [getattr(module, name) for module, name in listed]
    masks = [getattr(module, f"{name}_mask", None) for module, name in listed]
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
            f"Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    importance = parameters_to_vector([scores.get(place, t) for place, t in zip(listed, tensors)])
    before = parameters_to_vector([ones_like(t) if m is None else m for m, t in zip(masks, tensors)])
    mask = PruningContainer(method).compute_mask(importance, before)
    start = 0
    for (module, name), tensor in zip(listed, tensors):
        custom_from_mask(module, name, mask[start : start + tensor.numel()].view_as(tensor))
        start += tensor.numel()


def remove(module: Module, name: str) -> Any:
    """Make the pruned values of a parameter permanent; ValueError where it is not pruned.

    >>> import tritonnn as torch
    >>> layer = torch.nn.utils.prune.random_unstructured(torch.nn.Linear(2, 3), "weight", 0.5)
    >>> list(torch.nn.utils.prune.remove(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    key = find(module, name)
    if key is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    hook: Any = module._forward_pre_hooks.pop(key)
    hook.remove(module)
    return module


def is_pruned(module: Module) -> bool:
    """Whether a parameter of the module, or of one inside it, is pruned.

    >>> import tritonnn as torch
    >>> torch.nn.utils.prune.is_pruned(torch.nn.Linear(2, 3))
    False
    """
    return any(
        isinstance(hook, BasePruningMethod)
        for inner in module.modules()
        for hook in inner._forward_pre_hooks.values()
    )
