"""Normalisation layers: layer, RMS, group, batch, instance, local response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, complete, fail
from tritonnn.memory_format import strides_in_format
from tritonnn.ops._definitions import losses as define
from tritonnn.ops._fused import (
    Grads,
    centred_grads,
    check_parameters,
    leading_sum,
    on_demand,
    only_floating,
    per_channel,
    raised,
    spread,
    statistics_dtype,
    statistics_grads,
    sum_to_channels,
)
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.recording.grad_mode import state
from tritonnn.shape import numel
from tritonnn.table import Make

# ---- layer norm -----------------------------------------------------------------------------------------


def _check_normalized(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The normalised shape, and that of the statistics of every row."""
    if isinstance(normalized_shape, int):
        raise Invalid("argument 'normalized_shape' must be tuple of ints, not int", kind=TypeError)
    shape = tuple(normalized_shape)
    if not shape:
        raise Invalid("Expected normalized_shape to be at least 1-dimensional, got an empty shape")
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.shape != shape:
            raise Invalid(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(tensor.shape)} and normalized_shape = {list(shape)}"
            )
    full, rank = tuple(input.shape), len(shape)
    if full[-rank:] != shape:
        sizes = ", ".join(map(str, ["*", *shape]))
        raise Invalid(
            f"Given normalized_shape={list(shape)}, expected input with shape [{sizes}], but got input of size"
            f"{list(full)}"
        )
    return shape, full[:-rank] + (1,) * rank


def _layer_norm_grads(
    g: Tensor, input: Tensor, normalized_shape: tuple[int, ...], mean: Tensor, rstd: Tensor,
    weight: Tensor | None, eps: float, needs: tuple[bool, ...],
) -> Grads:  # fmt: skip
    mask = (needs[0], needs[2], needs[3])
    if not state.enabled:
        grads = native_layer_norm_backward(g, input, normalized_shape, mean, rstd, weight, mask)
        return spread(grads, mask, (0, 2, 3), 5)
    g, x, w = raised(g, input, weight)
    rank = len(normalized_shape)
    gx, normal = centred_grads(g, x, tuple(range(-rank, 0)), w, eps)
    return gx, None, leading_sum(g * normal, rank), leading_sum(g, rank), None


def _layer_norm_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), (4,), make(4), make(4), 1e-5), Sample(make(2, 3, 4), (3, 4), make(3, 4), None, 1e-5),
        Sample(make(5, 300), (300,), None, make(300), 1e-3), Sample(make(4), (4,), None, None, 1e-5),
    ]  # fmt: skip


@primitive(
    public="layer_norm",
    results=("result", "mean", "rstd"), non_differentiable=("mean", "rstd"), samples=_layer_norm_samples,
    backward=lambda g, input, normalized_shape, mean, rstd, weight, eps, needs: _layer_norm_grads(
        g, input, normalized_shape, mean, rstd, weight, eps, needs),
)  # fmt: skip
def native_layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> Any:
    """Layer normalisation with the mean and 1 / standard deviation of every row."""
    check_parameters(input, weight=weight, bias=bias)
    only_floating(input)
    shape, saved = _check_normalized(input, normalized_shape, weight, bias)
    kind = statistics_dtype(input.dtype)
    outs = (Out(input.shape, input.dtype), Out(saved, kind), Out(saved, kind))
    return outs, (input, shape, weight, bias, float(eps))


@primitive(results=("grad_input", "grad_weight", "grad_bias"))
def native_layer_norm_backward(
    grad: Tensor, input: Tensor, normalized_shape: tuple[int, ...], mean: Tensor, rstd: Tensor,
    weight: Tensor | None, output_mask: tuple[bool, bool, bool],
) -> Any:  # fmt: skip
    """The gradients of layer normalisation that `output_mask` asks for."""
    kind = input.dtype if weight is None else weight.dtype
    return on_demand(
        (input.shape, normalized_shape, normalized_shape), output_mask, (input.dtype, kind, kind)
    )


def _layer_norm_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2, 3), (5,), match=r"expected input with shape \[\*, 5\], but got input of size\[2, 3\]"),
        Bad(make(2, 3), (3,), make(4), match="Expected weight to be of same shape as normalized_shape"),
        Bad(make(2, 3), (), match="at least 1-dimensional"),
        Bad(make(2, 3), 3, error=TypeError, match="must be tuple of ints"),
        Bad(make.int(2, 3), (3,), match="floating"),
    ]


_LAYER_NORM_CALLS = lambda make: [
    Sample(make(3, 4), (4,)), Sample(make(2, 3, 4), (3, 4), make(3, 4), make(3, 4)),
    Sample(make(0, 4), (4,), make(4), make(4)),
]  # fmt: skip


@composite(
    api="functional",
    public="layer_norm",
    samples=_LAYER_NORM_CALLS,
    errors=_layer_norm_errors,
    reference=define.layer_norm,
)
def functional_layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x - E[x]) / √(Var[x] + eps) · weight + bias over the last dimensions (Ba et al., "Layer
    normalization", 2016).

    Args:
        input: (*, *normalized_shape).
        normalized_shape: the extents of the dimensions that mean and (biased) variance are taken over.
        weight, bias: of that shape.
        eps: added to the variance.

    Raises:
        RuntimeError: the input does not end in `normalized_shape`, or a parameter has another shape.

    >>> import tritonnn as torch
    >>> torch.nn.functional.layer_norm(torch.tensor([[1., 3.]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    return native_layer_norm(input, normalized_shape, weight, bias, eps)[0]


@composite(api="torch", samples=_LAYER_NORM_CALLS, errors=_layer_norm_errors, reference=define.layer_norm)
def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5, cudnn_enable: bool = True,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.layer_norm`; `cudnn_enable` chooses nothing, for there is one implementation.

    >>> import tritonnn as torch
    >>> torch.layer_norm(torch.tensor([[1., 3.], [5., 5.]]), (2,))
    tensor([[-1.0000,  1.0000],
            [ 0.0000,  0.0000]])
    """
    return native_layer_norm(input, normalized_shape, weight, bias, eps)[0]


# ---- RMS norm -------------------------------------------------------------------------------------------


def _rms_norm_grads(
    g: Tensor, input: Tensor, normalized_shape: tuple[int, ...], rstd: Tensor, weight: Tensor | None,
    eps: float, needs: tuple[bool, ...],
) -> Grads:  # fmt: skip
    mask = (needs[0], needs[2])
    if not state.enabled:
        grads = fused_rms_norm_backward(g, input, normalized_shape, rstd, weight, mask)
        return spread(grads, mask, (0, 2), 4)
    g, x, w = raised(g, input, weight)
    dims = tuple(range(-len(normalized_shape), 0))
    r = ((x * x).mean(dims, True) + eps).rsqrt()
    normal = x * r
    gw = g if w is None else g * w
    gx = r * (gw - normal * (gw * normal).mean(dims, True))
    return gx, None, leading_sum(g * normal, len(normalized_shape)), None


@primitive(
    public="rms_norm",
    results=("result", "rstd"), non_differentiable=("rstd",),
    samples=lambda make: [Sample(make(3, 4), (4,), make(4), 1e-5), Sample(make(2, 3, 4), (3, 4), None, 1e-3),
                          Sample(make(5, 300), (300,), make(300), 1e-5)],
    backward=lambda g, input, normalized_shape, rstd, weight, eps, needs: _rms_norm_grads(
        g, input, normalized_shape, rstd, weight, eps, needs),
)  # fmt: skip
def fused_rms_norm(input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, eps: float) -> Any:
    """RMS normalisation with 1 / root mean square of every row."""
    only_floating(input)
    shape, saved = _check_normalized(input, normalized_shape, weight)
    outs = (Out(input.shape, input.dtype), Out(saved, statistics_dtype(input.dtype)))
    return outs, (input, shape, weight, float(eps))


@primitive(results=("grad_input", "grad_weight"))
def fused_rms_norm_backward(
    grad: Tensor, input: Tensor, normalized_shape: tuple[int, ...], rstd: Tensor, weight: Tensor | None,
    output_mask: tuple[bool, bool],
) -> Any:  # fmt: skip
    """The gradients of RMS normalisation that `output_mask` asks for."""
    kind = input.dtype if weight is None else weight.dtype
    return on_demand((input.shape, normalized_shape), output_mask, (input.dtype, kind))


@composite(
    api="torch functional",
    samples=lambda make: [Sample(make(3, 4), (4,)), Sample(make(2, 3, 4), (3, 4), make(3, 4), 1e-6)],
    errors=lambda make: [Bad(make(2, 3), (5,), match="expected input with shape"),
                         Bad(make(3), (2, 3), error=ValueError, match="at least 2 dimensions, but got 1"),
                         Bad(make(2, 3), (3,), make(4), match="Expected weight to be of same shape")],
    reference=define.rms_norm,
)  # fmt: skip
def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / √(E[x²] + eps) · weight over the last dimensions (Zhang and Sennrich 2019).

    Args:
        input: (*, *normalized_shape).
        normalized_shape: the extents of the dimensions that the mean is taken over.
        weight: of that shape.
        eps: added to the mean square; by default the machine epsilon of float32, of float64 for such input.

    Raises:
        RuntimeError: the input does not end in `normalized_shape`, or the weight has another shape.
        ValueError: the input has fewer dimensions.

    >>> import tritonnn as torch
    >>> torch.nn.functional.rms_norm(torch.tensor([1., 7.]), (2,))
    tensor([0.2000, 1.4000])
    """
    fits = weight is None or tuple(weight.shape) == tuple(normalized_shape)
    if fits and len(input.shape) < len(normalized_shape):
        raise fail(
            "rms_norm", f"Input tensor must have at least {len(normalized_shape)} dimensions, but got "
            f"{len(input.shape)}", kind=ValueError, input=input,
        )  # fmt: skip
    if eps is None:  # of what the mean of squares is computed in
        eps = dtypes.finfo(dtypes.float64 if input.dtype is dtypes.float64 else dtypes.float32).eps
    if input.is_complex():  # squares as they are, not those of magnitudes
        return _complex_rms_norm(input, normalized_shape, weight, eps)
    return fused_rms_norm(input, normalized_shape, weight, eps)[0]


def _complex_rms_norm(input: Tensor, size: Sequence[int], weight: Tensor | None, eps: float) -> Tensor:
    try:
        shape, _ = _check_normalized(input, size, weight)
    except Invalid as invalid:
        raise complete("rms_norm", ("input", "weight"), (input, weight), invalid) from None
    normal = input * ((input * input).mean(tuple(range(-len(shape), 0)), True) + eps).rsqrt()
    return normal if weight is None else normal * weight


# ---- group norm -----------------------------------------------------------------------------------------


def _group_norm_grads(
    g: tuple[Tensor | None, ...], input: Tensor, num_groups: int, mean: Tensor, rstd: Tensor, weight: Tensor | None,
    eps: float, needs: tuple[bool, ...],
) -> Grads:  # fmt: skip
    of_result, of_mean, of_rstd = g
    of_result = input.new_zeros(input.shape) if of_result is None else of_result
    mask = (needs[0], needs[2], needs[3])
    beside = statistics_grads(
        of_mean, of_rstd, input, num_groups, eps
    )  # what mean and rstd bring to the input
    if not state.enabled:
        grads = native_group_norm_backward(of_result, input, num_groups, mean, rstd, weight, mask)
        gx, *rest = spread(grads, mask, (0, 2, 3), 5)
        return gx if gx is None or beside is None else gx + beside, *rest
    of_result, x, w = raised(of_result, input, weight)
    grouped = (x.shape[0], num_groups, numel(x.shape[1:]) // num_groups)  # not -1, which no batch leaves open
    gw = of_result if w is None else of_result * per_channel(w, len(x.shape))
    gx, normal = centred_grads(gw.reshape(grouped), x.reshape(grouped), (-1,), None, eps)
    gx = gx.reshape(x.shape) if beside is None else gx.reshape(x.shape) + beside
    return gx, None, sum_to_channels(of_result * normal.reshape(x.shape)), sum_to_channels(of_result), None


@primitive(
    public="group_norm", results=("result", "mean", "rstd"),
    samples=lambda make: [Sample(make(2, 6, 5), 3, make(6), make(6), 1e-5), Sample(make(3, 4), 2, None, None, 1e-5),
                          Sample(make(2, 4, 5, 30), 1, make(4), None, 1e-3)],
    backward=_group_norm_grads,
)  # fmt: skip
def native_group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Any:
    """Group normalisation with the mean and 1 / standard deviation of every sample's groups."""
    check_parameters(input, weight=weight, bias=bias)
    only_floating(input)
    if len(input.shape) < 2:
        raise Invalid(f"Expected at least 2 dimensions for input tensor but received {len(input.shape)}")
    channels = input.shape[1]
    if num_groups <= 0 or channels % num_groups:
        raise Invalid(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tuple(tensor.shape) != (channels,):
            raise Invalid(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got "
                f"{name} of shape {list(tensor.shape)} and input of shape {list(input.shape)}"
            )
    kind = statistics_dtype(input.dtype)
    saved = Out((input.shape[0], num_groups), kind)
    outs = (Out(input.shape, input.dtype, strides=strides_in_format(input.shape, input)), saved, saved)
    return outs, (input, num_groups, weight, bias, float(eps))


@primitive(results=("grad_input", "grad_weight", "grad_bias"))
def native_group_norm_backward(
    grad: Tensor, input: Tensor, num_groups: int, mean: Tensor, rstd: Tensor, weight: Tensor | None,
    output_mask: tuple[bool, bool, bool],
) -> Any:  # fmt: skip
    """The gradients of group normalisation that `output_mask` asks for."""
    kind = input.dtype if weight is None else weight.dtype
    channels = (input.shape[1],)
    strides = strides_in_format(input.shape, input)
    return on_demand((input.shape, channels, channels), output_mask, (input.dtype, kind, kind), strides)


def _group_norm_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2, 5, 3), 2, match="divisible by num_groups"),
        Bad(make(2, 4, 3), 2, make(3), match="Expected weight to be a vector of size equal"),
        Bad(make(4), 2, match="at least 2 dimensions"),
    ]


@composite(
    api="functional", public="group_norm", errors=_group_norm_errors,
    samples=lambda make: [Sample(make(2, 6, 5), 3), Sample(make(2, 6, 5), 2, make(6), make(6), 1e-3)],
    reference=define.group_norm,
)  # fmt: skip
def functional_group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - E[x]) / √(Var[x] + eps) · weight + bias over groups of channels of a sample (Wu and He 2018).

    Args:
        input: (N, C, *).
        num_groups: divides C; neighbouring channels form a group.
        weight, bias: (C).
        eps: added to the (biased) variance.

    Raises:
        ValueError: there is only one value per group.
        RuntimeError: `num_groups` does not divide C, or a parameter has another shape.

    >>> import tritonnn as torch
    >>> torch.nn.functional.group_norm(torch.tensor([[[1., 3.], [5., 5.]]]), 2)
    tensor([[[-1.0000,  1.0000],
             [ 0.0000,  0.0000]]])
    """
    if len(input.shape) >= 2 and num_groups > 0 and input.shape[1] % num_groups == 0:
        size = (input.shape[0] * input.shape[1] // num_groups, num_groups, *input.shape[2:])
        if size[0] * numel(size[2:]) == 1:
            raise ValueError(
                f"Expected more than 1 value per channel when training, got input size {list(size)}"
            )
    return native_group_norm(input, num_groups, weight, bias, eps)[0]


@composite(
    api="torch",
    errors=_group_norm_errors,
    samples=lambda make: [Sample(make(2, 6, 5), 3, make(6), make(6))],
    reference=define.group_norm,
)
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.group_norm`; `cudnn_enabled` chooses nothing, for there is one implementation.

    >>> import tritonnn as torch
    >>> torch.group_norm(torch.tensor([[[1., 3.], [5., 5.]]]), 2)
    tensor([[[-1.0000,  1.0000],
             [ 0.0000,  0.0000]]])
    """
    return native_group_norm(input, num_groups, weight, bias, eps)[0]
