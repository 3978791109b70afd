"""How PyTorch's functions that are written in Python hand their arguments on to what takes a call over.

They name all that have a default, where the built-in ones hand on what they were given.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from tritonnn.fx._naming import qualified_name

#: the functions that do, by their place
NAMED = {
    "torch.nn.functional": frozenset(
        [
            "adaptive_max_pool1d",
            "adaptive_max_pool1d_with_indices",
            "adaptive_max_pool2d",
            "adaptive_max_pool2d_with_indices",
            "adaptive_max_pool3d",
            "adaptive_max_pool3d_with_indices",
            "affine_grid",
            "alpha_dropout",
            "batch_norm",
            "binary_cross_entropy",
            "binary_cross_entropy_with_logits",
            "celu",
            "cosine_embedding_loss",
            "cross_entropy",
            "ctc_loss",
            "dropout",
            "dropout1d",
            "dropout2d",
            "dropout3d",
            "elu",
            "embedding",
            "embedding_bag",
            "feature_alpha_dropout",
            "fold",
            "fractional_max_pool2d",
            "fractional_max_pool2d_with_indices",
            "fractional_max_pool3d",
            "fractional_max_pool3d_with_indices",
            "gaussian_nll_loss",
            "glu",
            "grid_sample",
            "group_norm",
            "gumbel_softmax",
            "hardsigmoid",
            "hardswish",
            "hardtanh",
            "hinge_embedding_loss",
            "huber_loss",
            "instance_norm",
            "interpolate",
            "kl_div",
            "l1_loss",
            "layer_norm",
            "leaky_relu",
            "linear_cross_entropy",
            "local_response_norm",
            "log_softmax",
            "lp_pool1d",
            "lp_pool2d",
            "lp_pool3d",
            "margin_ranking_loss",
            "max_pool1d",
            "max_pool1d_with_indices",
            "max_pool2d",
            "max_pool2d_with_indices",
            "max_pool3d",
            "max_pool3d_with_indices",
            "max_unpool1d",
            "max_unpool2d",
            "max_unpool3d",
            "mish",
            "mse_loss",
            "multi_margin_loss",
            "multilabel_margin_loss",
            "multilabel_soft_margin_loss",
            "nll_loss",
            "normalize",
            "pad",
            "poisson_nll_loss",
            "relu",
            "relu6",
            "rms_norm",
            "rrelu",
            "selu",
            "silu",
            "smooth_l1_loss",
            "soft_margin_loss",
            "softmax",
            "softmin",
            "threshold",
            "triplet_margin_loss",
            "triplet_margin_with_distance_loss",
            "unfold",
        ]
    ),
    "torch.functional": frozenset(
        ["cdist", "meshgrid", "norm", "split", "stft", "tensordot", "unique", "unique_consecutive"]
    ),
}
_EINSUM = "torch.functional.einsum"
#: arguments that these functions do not have there, or do not hand on
OWN = {"torch.nn.functional.l1_loss": "weight", "torch.nn.functional.rrelu": "generator"}


def as_pytorch_hands_on(
    function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
) -> tuple[tuple, dict[str, Any]]:
    """The arguments of a call in the form that PyTorch hands them on in."""
    if len(args) == 2 and isinstance(args[1], (list, tuple)) and qualified_name(function) == _EINSUM:
        return (args[0], *args[1]), kwargs  # it calls itself with them in line
    names = _parameters(function)
    if names is None:
        return args, kwargs
    if "*" in names:
        return args, {**{name: value for name, value in names.items() if name != "*"}, **kwargs}
    given = dict(zip(names, args, strict=False))
    given.update({name: value for name, value in kwargs.items() if name not in given})
    if len(args) > len(names) or any(name not in names for name in given):
        return args, kwargs
    needed = {name for name, default in names.items() if default is inspect.Parameter.empty}
    full = {name: given.get(name, default) for name, default in names.items()}
    return tuple([full[name] for name in names if name in needed]), {
        name: value for name, value in full.items() if name not in needed
    }


@functools.cache
def _parameters(function: Callable[..., Any]) -> dict[str, Any] | None:
    """Parameter -> default, of a function that names its arguments; None of others."""
    name = qualified_name(function)
    place, _, own = name.rpartition(".")
    if own not in NAMED.get(place, ()):
        return None
    parameters = inspect.signature(function).parameters.values()
    return {
        "*" if p.kind == p.VAR_POSITIONAL else p.name: p.default
        for p in parameters
        if p.name != OWN.get(name)
    }
