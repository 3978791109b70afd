"""Normalisation that looks at the batch or at neighbouring channels: batch, instance and local response norm."""

from __future__ import annotations

from typing import Any

from tritonnn import dispatch
from tritonnn._levels import UNBATCHED_STATISTICS, lacks
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.memory_format import strides_in_format
from tritonnn.ops._definitions import layers as definitions
from tritonnn.ops._fused import (
    Grads,
    centred_grads,
    check_channels,
    check_parameters,
    of_nothing,
    on_demand,
    only_floating,
    per_channel,
    raised,
    spread,
    statistics_dtype,
    sum_to_channels,
)
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.normalization.normalization import native_group_norm
from tritonnn.recording.grad_mode import no_grad, state
from tritonnn.recording.preserving import preserve
from tritonnn.shape import numel
from tritonnn.table import Make
from tritonnn.table.types import Count


def _batch_norm_grads(
    g: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor, rstd: Tensor, training: bool, eps: float,
    needs: tuple[bool, ...],
) -> Grads:  # fmt: skip
    mask = (needs[0], needs[1], needs[2])
    if not state.enabled:
        grads = native_batch_norm_backward(g, input, weight, mean, rstd, training, mask)
        return spread(grads, mask, (0, 1, 2), 8)
    rank = len(input.shape)
    g, x, w = raised(g, input, weight)
    scale = per_channel(w, rank)
    if training:
        gx, normal = centred_grads(g, x, (0, *range(2, rank)), scale, eps)
    else:  # the statistics are constants, whatever graph they were saved from
        r = per_channel(rstd.detach(), rank)
        normal = (x - per_channel(mean.detach(), rank)) * r
        gx = (g if scale is None else g * scale) * r
    return gx, sum_to_channels(g * normal), sum_to_channels(g), None, None, None, None, None


@primitive(
    public="batch_norm",
    results=("result", "mean", "rstd"), non_differentiable=("mean", "rstd"),
    samples=lambda make: [
        Sample(make(4, 3, 5), make(3), make(3), None, None, True, 0.1, 1e-5),
        Sample(make(6, 3), make(3), None, None, None, True, 0.1, 1e-3),
        Sample(make(2, 3, 4, 30), None, None, None, None, True, 0.1, 1e-5),
        Sample(make(2, 3, 4, 5), make(3), make(3), make(3), make(3, positive=True), False, 0.1, 1e-5),
    ],
    backward=lambda g, input, weight, mean, rstd, training, eps, needs: _batch_norm_grads(
        g, input, weight, mean, rstd, training, eps, needs),
)  # fmt: skip
def native_batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, training: bool, momentum: float, eps: float,
) -> Any:  # fmt: skip
    """Batch normalisation with the mean and 1 / standard deviation it used; training moves the running ones."""
    only_floating(input)
    if len(input.shape) < 2:
        raise Invalid(f"expected an input of at least 2 dimensions (N, C, *), got {len(input.shape)}")
    named = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    check_channels(channels := input.shape[1], **named)
    check_parameters(input, **named)
    if not training and (running_mean is None or running_var is None):
        raise Invalid("Expected running_mean and running_var to be defined when training=False")
    saved = Out((channels,), statistics_dtype(input.dtype))
    outs = (Out(input.shape, input.dtype, strides=strides_in_format(input.shape, input)), saved, saved)
    args = (input, weight, bias, running_mean, running_var, bool(training), float(momentum), float(eps))
    return outs, args


@primitive(results=("grad_input", "grad_weight", "grad_bias"))
def native_batch_norm_backward(
    grad: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor, rstd: Tensor, training: bool,
    output_mask: tuple[bool, bool, bool],
) -> Any:  # fmt: skip
    """The gradients of batch normalisation that `output_mask` asks for."""
    kind = input.dtype if weight is None else weight.dtype
    channels = (input.shape[1],)
    strides = strides_in_format(input.shape, input)
    return on_demand((input.shape, channels, channels), output_mask, (input.dtype, kind, kind), strides)


def _normalised(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    if training and 0 in input.shape and len(input.shape) > 1:
        # Nothing has no statistics, and moves none.
        mean = input.new_zeros(input.shape[1]) if running_mean is None else running_mean
        var = input.new_ones(input.shape[1]) if running_var is None else running_var
        return native_batch_norm(input, weight, bias, mean, var, False, momentum, eps)[0]
    written = [t for t in (running_mean, running_var) if t is not None] if training else []
    for running in written:
        dispatch.before_write(running)
    result = native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)[0]
    for running in written:
        dispatch.wrote(running, "batch_norm")
    return result


def _batch_norm_errors(make: Make) -> list[Bad]:
    three = make(3)
    return [
        Bad(
            make(1, 3),
            three,
            three,
            training=True,
            error=ValueError,
            match="Expected more than 1 value per channel",
        ),
        Bad(make(2, 3), None, None, match="Expected running_mean and running_var to be defined"),
        Bad(make(2, 3), make(4), make(4), match="running_mean should contain 3 elements not 4"),
        Bad(make(2, 3), three, three, make(2), match="weight should contain 3 elements not 2"),
    ]


def _batch_norm_samples(make: Make) -> list[Sample]:
    mean, var = make(3), make(3, positive=True)
    return [
        Sample(make(4, 3, 5), mean, var), Sample(make(4, 3), None, None, make(3), make(3), True),
        Sample(make(2, 3, 4, 5), mean, var, make(3), make(3), training=True, momentum=0.2),
        Sample(make(2, 3, 4, 5), mean, var, make(3), make(3), eps=1e-3),
    ]  # fmt: skip


@composite(
    api="functional",
    public="batch_norm",
    samples=_batch_norm_samples,
    errors=_batch_norm_errors,
    reference=definitions.batch_norm,
)
def functional_batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x - E[x]) / √(Var[x] + eps) · weight + bias per channel over the batch (Ioffe and Szegedy 2015).

    Args:
        input: (N, C, *).
        running_mean, running_var: (C); moved in place in training, where the variance is the unbiased one:
            running = (1 - momentum) · running + momentum · batch. What normalises otherwise.
        weight, bias: (C).
        training: normalise by the (biased) statistics of this batch.
        momentum: see above.
        eps: added to the variance.

    Raises:
        ValueError: training with one value per channel, or with an eps that is not above 0.
        RuntimeError: no running statistics outside training, or a parameter does not have C elements.

    >>> import tritonnn as torch
    >>> torch.nn.functional.batch_norm(torch.tensor([[1.], [3.]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    if training and len(input.shape) >= 2 and input.shape[0] * numel(input.shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    if training and eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if input.shape == (0,):
        return of_nothing(input, running_mean, running_var, weight, bias)
    return _normalised(input, running_mean, running_var, weight, bias, training, momentum, eps)


@composite(
    api="torch",
    samples=lambda make: [Sample(make(4, 3), make(3), make(3), None, None, True, 0.1, 1e-5)],
    reference=definitions.batch_norm,
    errors=lambda make: [
        Bad(make(4), None, None, None, None, True, 0.1, 1e-5, match="at least 2 dimensions"),
        Bad(make(2, 3), None, None, None, None, False, 0.1, 1e-5, match="to be defined"),
        Bad(
            make(2, 3),
            make(4),
            None,
            None,
            None,
            True,
            0.1,
            1e-5,
            match="weight should contain 3 elements not 4",
        ),
    ],
)
def batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, training: bool, momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.batch_norm`; `cudnn_enabled` chooses nothing, for there is one implementation.

    >>> import tritonnn as torch
    >>> torch.batch_norm(torch.tensor([[1.], [3.]]), None, None, None, None, True, 0.1, 1e-5)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    return _normalised(input, running_mean, running_var, weight, bias, training, momentum, eps)


# ---- instance norm --------------------------------------------------------------------------------------


def _move_instance_statistics(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, momentum: float
) -> None:
    """Move the running statistics by the batch's average of the instances' ones."""
    try:
        check_channels(input.shape[1], running_mean=running_mean, running_var=running_var)
    except Invalid as invalid:
        raise fail("instance_norm", str(invalid), input=input) from None
    if any(running is not None and lacks(running, input) for running in (running_mean, running_var)):
        raise fail("instance_norm", UNBATCHED_STATISTICS, input=input)
    dims = tuple(range(2, len(input.shape)))
    with no_grad():
        x = raised(input)[0].detach()
        if running_mean is not None:
            running_mean.mul_(1 - momentum).add_(x.mean(dims).mean(0), alpha=momentum)
        if running_var is not None:
            running_var.mul_(1 - momentum).add_(x.var(dims).mean(0), alpha=momentum)


def _instance_norm_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2, 3, 1), error=ValueError, match="Expected more than 1 spatial element when training"),
        Bad(
            make(2, 3, 4), use_input_stats=False, match="Expected running_mean and running_var to be defined"
        ),
        Bad(make(2, 3, 4), None, None, make(2), match="Expected weight to be a vector of size equal"),
    ]


@composite(
    api="functional", public="instance_norm", errors=_instance_norm_errors,
    samples=lambda make: [Sample(make(2, 3, 5)), Sample(make(2, 3, 4, 5), None, None, make(3), make(3)),
                          Sample(make(2, 3, 5), make(3), make(3, positive=True), make(3), make(3)),
                          Sample(make(2, 3, 5), make(3), make(3, positive=True), use_input_stats=False)],
    reference=definitions.instance_norm,
)  # fmt: skip
def functional_instance_norm(
    input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
    weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Batch normalisation of every sample by itself (Ulyanov et al. 2016).

    Args:
        input: (N, C, *), with more than one position.
        running_mean, running_var: (C); moved in place where the input's statistics are used, by their
        average over
            the batch. What normalises otherwise.
        weight, bias: (C).
        use_input_stats: normalise by the statistics of each sample's channel.
        momentum, eps: as of `batch_norm`.

    Raises:
        ValueError: one position per channel.
        RuntimeError: no running statistics where they are needed, or a parameter does not have C elements.

    >>> import tritonnn as torch
    >>> torch.nn.functional.instance_norm(torch.tensor([[[1., 3.], [5., 9.]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """
    if not use_input_stats:
        return _normalised(input.contiguous(), running_mean, running_var, weight, bias, False, momentum, eps)
    if numel(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    return _by_samples(input, running_mean, running_var, weight, bias, momentum, eps)


def _by_samples(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None,
    bias: Tensor | None, momentum: float, eps: float,
) -> Tensor:  # fmt: skip
    if 0 in input.shape:
        return _normalised(input, running_mean, running_var, weight, bias, True, momentum, eps)
    # row-major, as PyTorch has it, whatever the format of the images
    result = preserve(native_group_norm(input.contiguous(), input.shape[1], weight, bias, eps)[0], "weight")
    if running_mean is not None or running_var is not None:
        _move_instance_statistics(input, running_mean, running_var, momentum)
    return result


@composite(
    api="torch",
    samples=lambda make: [Sample(make(2, 3, 5), None, None, None, None, True, 0.1, 1e-5, True)],
    reference=definitions.instance_norm,
    errors=lambda make: [
        Bad(
            make(2, 3, 4),
            make(2),
            None,
            None,
            None,
            True,
            0.1,
            1e-5,
            True,
            match="weight to be a vector of size",
        ),
    ],
)
def instance_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.instance_norm`; `cudnn_enabled` chooses nothing, for there is one
    implementation.

    >>> import tritonnn as torch
    >>> torch.instance_norm(torch.tensor([[[1., 3.]]]), None, None, None, None, True, 0.1, 1e-5, False)
    tensor([[[-1.0000,  1.0000]]])
    """
    if input.dim() < 2:
        text = f"Dimension out of range: channels are dimension 1 of input, which has {input.dim()}"
        raise fail("instance_norm", text, kind=IndexError, input=input)
    if use_input_stats:  # of one position too, which nn.functional refuses
        return _by_samples(input, running_mean, running_var, weight, bias, momentum, eps)
    return functional_instance_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)


# ---- local response -------------------------------------------------------------------------------------


@composite(
    api="functional",
    samples=lambda make: [Sample(make(2, 5, 4), 3), Sample(make(2, 6, 3, 3), 4, alpha=1e-2, beta=0.5, k=2.0),
                          Sample(make(1, 4, 2), 1)],
    errors=lambda make: [Bad(make(2, 3), 3, error=ValueError, match="Expected 3D or higher dimensionality")],
    reference=definitions.local_response_norm,
)  # fmt: skip
def local_response_norm(
    input: Tensor, size: Count, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha · mean(x²))^beta, the mean over `size` neighbouring channels (Krizhevsky et al. 2012).

    Channels outside count as zero, and the mean divides by `size` all the same.

    Args:
        input: (N, C, *) with at least three dimensions.
        size: number of channels, this one in the middle (of an even number, the right one of the middle two).
        alpha, beta, k: see the formula.

    Raises:
        ValueError: the input has less than three dimensions.

    >>> import tritonnn as torch
    >>> torch.nn.functional.local_response_norm(torch.ones(1, 1, 2), 1, alpha=3.0, beta=0.5)
    tensor([[[0.5000, 0.5000]]])
    """
    if len(input.shape) < 3:
        text = f"Expected 3D or higher dimensionality input (got {len(input.shape)} dimensions)"
        raise ValueError(f"local_response_norm: {text}")
    if input.numel() == 0:
        return input
    from tritonnn.ops.joining.joining import cat

    shape = list(input.shape)

    def zeros(count: int) -> Tensor:
        return input.new_zeros([shape[0], count, *shape[2:]])

    squares = cat([zeros(size // 2), input * input, zeros((size - 1) // 2)], 1)
    total = squares.narrow(1, 0, shape[1])
    for start in range(1, size):
        total = total + squares.narrow(1, start, shape[1])
    return input / (total * (alpha / size) + k) ** beta
