"""Initialisation of tensors, in place and without recording gradients; every function returns its tensor."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn._matrix_init import orthogonal_, sparse_
from tritonnn.ops.conversion.overwriting import filled
from tritonnn.ops.creation.creation import eye as identity
from tritonnn.random import Generator
from tritonnn.recording.grad_mode import no_grad

__all__ = [
    "calculate_gain", "constant_", "dirac_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_",
    "ones_",
    "orthogonal_", "sparse_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

_UNIT_GAIN = frozenset(
    ["linear", "sigmoid"] + [f"conv{d}d" for d in (1, 2, 3)] + [f"conv_transpose{d}d" for d in (1, 2, 3)]
)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Factor on the standard deviation that keeps the variance through a nonlinearity.

    Linear, convolutions and sigmoid 1, tanh 5/3, relu √2, leaky_relu √(2/(1+slope²)), selu 3/4.

    Args:
        nonlinearity: name as in `nn.functional`.
        param: the negative slope of leaky_relu, 0.01 by default.

    Raises:
        ValueError: unknown name, or a slope that is no number.

    >>> import tritonnn as torch
    >>> torch.nn.init.calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity in _UNIT_GAIN:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _uniform(tensor: Tensor, low: float, high: float, generator: Generator | None = None) -> Any:
    with no_grad():
        return tensor.uniform_(low, high, generator=generator)


def _normal(tensor: Tensor, mean: float, std: float, generator: Generator | None = None) -> Any:
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


_no_grad_uniform_, _no_grad_normal_ = _uniform, _normal  # for initialisers of other libraries


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from the uniform distribution on [a, b).

    Args:
        tensor: any shape.
        a, b: the bounds.
        generator: source of random numbers; default: the device's.

    >>> import tritonnn as torch
    >>> w = torch.nn.init.uniform_(torch.empty(3, 5), -2.0, 2.0)
    >>> bool(((w >= -2) & (w < 2)).all())
    True
    """
    return _uniform(tensor, a, b, generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw from the normal distribution.

    Args:
        tensor: any shape.
        mean, std: of the distribution.
        generator: source of random numbers; default: the device's.

    >>> import tritonnn as torch
    >>> w = torch.nn.init.normal_(torch.empty(100, 100), 5.0, 0.1)
    >>> bool((w.mean() - 5).abs() < 0.01)
    True
    """
    return _normal(tensor, mean, std, generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw from the normal distribution, conditioned on lying in [a, b] (absolute bounds, not multiples of
    std).

    By inversion: uniform between the distribution function's values at the bounds, then its inverse.

    Args:
        tensor: any shape.
        mean, std: of the distribution before it is cut off.
        a, b: the bounds.
        generator: source of random numbers; default: the device's.

    >>> import tritonnn as torch
    >>> w = torch.nn.init.trunc_normal_(torch.empty(100), std=3.0)
    >>> bool((w.abs() <= 2).all())
    True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect."
        )

    def below(x: float) -> float:
        return (1.0 + math.erf((x - mean) / std / math.sqrt(2.0))) / 2.0

    target: Any = tensor
    with no_grad():
        target.uniform_(2 * below(a) - 1, 2 * below(b) - 1, generator=generator)
        target.erfinv_()
        target.mul_(std * math.sqrt(2.0)).add_(mean)
        return target.clamp_(min=a, max=b)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with a value.

    Args:
        tensor: any shape.
        val: the value.

    >>> import tritonnn as torch
    >>> torch.nn.init.constant_(torch.empty(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    with no_grad():
        return filled(tensor, val, "constant_")


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1.

    Args:
        tensor: any shape.

    >>> import tritonnn as torch
    >>> torch.nn.init.ones_(torch.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0.

    Args:
        tensor: any shape.

    >>> import tritonnn as torch
    >>> torch.nn.init.zeros_(torch.empty(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity, rectangular ones too.

    Args:
        tensor: (rows, columns).

    Raises:
        ValueError: another number of dimensions.

    >>> import tritonnn as torch
    >>> torch.nn.init.eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    target: Any = tensor
    with no_grad():
        return target.copy_(identity(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution's weight pass its input channels through: weight[i, i, centre] = 1 in each group.

    Args:
        tensor: (out_channels, in_channels/groups, *kernel) of 3, 4 or 5 dimensions.
        groups: number of groups; must divide out_channels.

    Raises:
        ValueError: another number of dimensions, or groups that do not divide the first.

    >>> import tritonnn as torch
    >>> torch.nn.init.dirac_(torch.empty(2, 2, 3))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]],
            [[0., 0., 0.],
             [0., 1., 0.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = tensor.shape[0] // groups
    centre = tuple([extent // 2 for extent in tensor.shape[2:]])
    target: Any = tensor
    with no_grad():
        target.zero_()
        for group in range(groups):
            for i in range(min(per_group, tensor.shape[1])):
                target[(group * per_group + i, i) + centre] = 1
    return tensor


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Inputs that an output unit sees, and outputs that an input unit reaches."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from U(-a, a) with a = gain·√(6/(fan_in + fan_out)) (Glorot and Bengio 2010).

    Args:
        tensor: at least 2 dimensions, (out, in, *kernel).
        gain: see `calculate_gain`.
        generator: source of random numbers; default: the device's.

    Raises:
        ValueError: fewer than 2 dimensions.

    >>> import tritonnn as torch
    >>> w = torch.nn.init.xavier_uniform_(torch.empty(3, 3))
    >>> bool((w.abs() <= 1).all())
    True
    """
    bound = gain * math.sqrt(6.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return _uniform(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from N(0, std²) with std = gain·√(2/(fan_in + fan_out)) (Glorot and Bengio 2010).

    Args:
        tensor: at least 2 dimensions, (out, in, *kernel).
        gain: see `calculate_gain`.
        generator: source of random numbers; default: the device's.

    Raises:
        ValueError: fewer than 2 dimensions.

    >>> import tritonnn as torch
    >>> w = torch.nn.init.xavier_normal_(torch.empty(200, 200))
    >>> bool((w.std() - (2 / 400) ** 0.5).abs() < 0.01)
    True
    """
    std = gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return _normal(tensor, 0.0, std, generator)


def _is_empty(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op")
        return True
    return False


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw from U(-bound, bound) with bound = gain·√(3/fan) (He et al. 2015).

    Args:
        tensor: at least 2 dimensions, (out, in, *kernel).
        a: negative slope of the leaky_relu that follows.
        mode: 'fan_in' keeps the variance forward, 'fan_out' backward.
        nonlinearity: what follows, see `calculate_gain`.
        generator: source of random numbers.

    >>> import tritonnn as torch
    >>> w = torch.nn.init.kaiming_uniform_(torch.empty(8, 6))
    >>> bool((w.abs() <= 1).all())
    True
    """
    if _is_empty(tensor):
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    bound = math.sqrt(3.0) * calculate_gain(nonlinearity, a) / math.sqrt(fan)
    return _uniform(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw from N(0, gain²/fan) (He et al. 2015); arguments as of `kaiming_uniform_`.

    Raises:
        ValueError: fewer than 2 dimensions, an unknown mode or nonlinearity.

    >>> import tritonnn as torch
    >>> w = torch.nn.init.kaiming_normal_(torch.empty(200, 200), nonlinearity="relu")
    >>> bool((w.std() - 0.1).abs() < 0.01)
    True
    """
    if _is_empty(tensor):
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    return _normal(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(fan), generator)


def _old_name(function: Callable) -> Callable:
    """The same function under its name of before 0.4, without the underscore."""
    old, new = function.__name__[:-1], function.__name__

    def alias(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2
        )
        return function(*args, **kwargs)

    alias.__name__ = alias.__qualname__ = old
    example = (function.__doc__ or "").partition(">>> import")[2]  # of the new name, which is to be used
    alias.__doc__ = f"Older name of `{new}`, which warns.\n\n    >>> import{example}"
    return alias


uniform = _old_name(uniform_)
normal = _old_name(normal_)
constant = _old_name(constant_)
eye = _old_name(eye_)
dirac = _old_name(dirac_)
xavier_uniform = _old_name(xavier_uniform_)
xavier_normal = _old_name(xavier_normal_)
kaiming_uniform = _old_name(kaiming_uniform_)
kaiming_normal = _old_name(kaiming_normal_)
orthogonal = _old_name(orthogonal_)
sparse = _old_name(sparse_)
gain = calculate_gain
