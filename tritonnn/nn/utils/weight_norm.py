"""Weight normalisation by hooks: a weight kept as length and direction (Salimans and Kingma 2016, arXiv:1602.07868)."""

from __future__ import annotations

import warnings
from typing import Any

from tritonnn._parameter import Parameter, UninitializedParameter
from tritonnn._tensor import Tensor
from tritonnn.nn.module import Module

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Any:
    """The norms of the slices of `v` along `dim`, in a shape that broadcasts against `v`; -1: one norm of all of it."""
    if dim == -1:
        return v.norm(pow)
    kept = dim + v.ndim if dim < 0 else dim
    if not 0 <= kept < v.ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-v.ndim}, {v.ndim - 1}], but got {dim})"
        )
    others = [d for d in range(v.ndim) if d != kept]
    return v.norm(pow, others, keepdim=True) if others else v.abs()


def normalized(v: Tensor, g: Tensor, dim: int = 0) -> Any:
    """g · v / ‖v‖, a norm for each slice along `dim`."""
    return v * (g / norm_except_dim(v, 2, dim))


class WeightNorm:
    """The hook that computes a module's weight from its length `NAME_g` and its direction `NAME_v` before each forward.

    Args:
        name: of the weight.
        dim: along which every slice has a length; -1 or None: one length.
    """

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Any:
        """The weight of the module's present length and direction."""
        return normalized(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)

    def __call__(self, module: Module, inputs: object) -> None:
        setattr(module, self.name, self.compute_weight(module))

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Split the weight `name` of `module`, and register the hook that puts it together."""
        warnings.warn(
            "`torch.nn.utils.weight_norm` is deprecated in favor of "
            "`torch.nn.utils.parametrizations.weight_norm`.",
            FutureWarning,
            stacklevel=3,
        )
        if _find(module, name) is not None:
            raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
        hook = WeightNorm(name, dim)
        weight = getattr(module, name)
        if isinstance(weight, UninitializedParameter):
            raise ValueError(
                "The module passed to `WeightNorm` can't have uninitialized parameters. "
                "Make sure to run the dummy forward before applying weight normalization"
            )
        length = Parameter(norm_except_dim(weight.detach(), 2, hook.dim))
        del module._parameters[name]
        module.register_parameter(f"{name}_g", length)
        module.register_parameter(f"{name}_v", Parameter(weight.data))
        hook(module, None)
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module)
        for name in (self.name, f"{self.name}_g", f"{self.name}_v"):
            delattr(module, name)
        setattr(module, self.name, Parameter(weight.data))


def _find(module: Module, name: str) -> int | None:
    """The key of the hook on the weight `name`."""
    hooks = module._forward_pre_hooks.items()
    return next((key for key, hook in hooks if isinstance(hook, WeightNorm) and hook.name == name), None)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Any:
    """Keep a weight as length `NAME_g` times direction `NAME_v` / ‖`NAME_v`‖; deprecated, see `parametrizations`.

    Args:
        module: whose weight it is; changed and returned.
        name: of the weight.
        dim: along which every slice has a length of its own; None: one length.

    Raises:
        RuntimeError: the weight has such a hook already. ValueError: it is not initialised yet.
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Any:
    """Undo `weight_norm`: the weight is a parameter again, of the value it has. ValueError where there is none."""
    key = _find(module, name)
    if key is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    hook: Any = module._forward_pre_hooks.pop(key)
    hook.remove(module)
    return module
