"""Layers of a model that follow each other, fused into one: a normalisation goes into the layer before it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import nn
from tritonnn.ao.nn import intrinsic
from tritonnn.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

__all__ = ["fuse_known_modules", "fuse_modules", "fuse_modules_qat"]

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
#: what may be fused -> the layer that computes it, where none is folded into another
_ROWS = {kinds: getattr(intrinsic, name) for name, kinds in intrinsic._KINDS.items() if "Tanh" not in name}


def _fold(first: nn.Module, bn: nn.Module) -> nn.Module:
    """The layer that computes both, of a model in evaluation."""
    if isinstance(first, nn.Linear):
        return fuse_linear_bn_eval(first, bn)
    return fuse_conv_bn_eval(first, bn, transpose=isinstance(first, _TRANSPOSED))


def _fused(layers: Sequence[nn.Module], is_qat: bool) -> nn.Module:
    kinds = tuple(map(type, layers))
    transposed = kinds[0] in _TRANSPOSED and kinds[1:] == (getattr(nn, f"BatchNorm{kinds[0].__name__[-2:]}"),)
    if kinds not in _ROWS and not transposed:
        names = ", ".join(kind.__name__ for kind in kinds)
        raise AssertionError(f"fuse_modules: did not find fuser method for: {names}")
    if len({layer.training for layer in layers[:2]}) > 1:
        raise AssertionError(
            "fuse_modules: the layers that are fused must be in the same mode (train or eval)."
        )
    normalized = len(layers) > 1 and isinstance(layers[1], nn.modules.batchnorm._BatchNorm)
    if not normalized or is_qat:
        return _ROWS[kinds](*layers)
    folded = _fold(*layers[:2])
    return folded if len(layers) == 2 else _ROWS[type(folded), kinds[2]](folded, layers[2])


def fuse_known_modules(
    mod_list: Sequence[nn.Module], is_qat: bool = False, additional_fuser_method_mapping: dict | None = None
) -> list[nn.Module]:
    """The fused layer, and identities for the others. The first one's hooks before it and the last one's after it stay.

    Args:
        mod_list: a convolution or linear layer with a normalisation, a ReLU or both, or a normalisation and a ReLU.
        is_qat: keep the normalisation as a layer.
        additional_fuser_method_mapping: (class, class, ...) -> function of `is_qat` and the layers.

    Raises:
        AssertionError: layers that are not fused, or whose modes differ.
    """
    # Taken off first: what is fused is made of a copy, which would have them too.
    before, after = mod_list[0]._forward_pre_hooks, mod_list[-1]._forward_hooks
    first, last = list(before.values()), list(after.values())
    before.clear()
    after.clear()
    own = (additional_fuser_method_mapping or {}).get(tuple(map(type, mod_list)))
    fused = _fused(mod_list, is_qat) if own is None else own(is_qat, *mod_list)
    for hook in first:
        fused.register_forward_pre_hook(hook)
    for hook in last:
        fused.register_forward_hook(hook)
    rest = [nn.Identity() for _ in mod_list[1:]]
    for identity in rest:
        identity.training = mod_list[0].training
    return [fused, *rest]


def _fuse(model: nn.Module, names: Sequence[str], is_qat: bool, fuser: Callable, mapping: Any) -> None:
    fused = fuser([model.get_submodule(name) for name in names], is_qat, mapping)
    for name, layer in zip(names, fused):
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, layer)


def _fuse_modules(
    model: nn.Module,
    modules_to_fuse: Any,
    is_qat: bool,
    inplace: bool,
    fuser_func: Callable,
    config: dict | None,
) -> nn.Module:
    if not inplace:
        model = copy.deepcopy(model)
    mapping = (config or {}).get("additional_fuser_method_mapping", {})
    groups = [modules_to_fuse] if all(isinstance(name, str) for name in modules_to_fuse) else modules_to_fuse
    for names in groups:
        _fuse(model, names, is_qat, fuser_func, mapping)
    return model


def fuse_modules(
    model: nn.Module,
    modules_to_fuse: Any,
    inplace: bool = False,
    fuser_func: Callable = fuse_known_modules,
    fuse_custom_config_dict: dict | None = None,
) -> nn.Module:
    """A model in evaluation with layers fused; it computes the same.

    Args:
        modules_to_fuse: names of layers that follow each other, or a list of such lists.
        inplace: change the model itself, not a copy.

    >>> import tritonnn as torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()).eval()
    >>> torch.ao.quantization.fuse_modules(model, ["0", "1"])
    Sequential(
      (0): LinearReLU(
        (0): Linear(in_features=2, out_features=2, bias=True)
        (1): ReLU()
      )
      (1): Identity()
    )
    """
    return _fuse_modules(model, modules_to_fuse, False, inplace, fuser_func, fuse_custom_config_dict)


def fuse_modules_qat(
    model: nn.Module,
    modules_to_fuse: Any,
    inplace: bool = False,
    fuser_func: Callable = fuse_known_modules,
    fuse_custom_config_dict: dict | None = None,
) -> nn.Module:
    """A model with layers put together that keep their normalisation, as for training; arguments as above."""
    return _fuse_modules(model, modules_to_fuse, True, inplace, fuser_func, fuse_custom_config_dict)
