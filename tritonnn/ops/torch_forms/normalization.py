"""Normalisation that returns the statistics it used as well."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import layers, losses
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.normalization import batch_norm, normalization
from tritonnn.table.types import Count, IntOrInts


def _moments(input: np.ndarray, axes: tuple[int, ...], eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and 1 / standard deviation, with the dimensions kept."""
    return input.mean(axes, keepdims=True), 1 / np.sqrt(input.var(axes, keepdims=True) + eps)


def _in_input_type(input: Tensor, results: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The statistics in the type of the input, as layer and group norm of ATen give them on the CPU."""
    values, mean, rstd = results
    if input.device.type == "cpu":
        mean, rstd = mean.to(input.dtype), rstd.to(input.dtype)
    return values, mean, rstd


def _layer_definition(input: np.ndarray, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    axes = tuple(range(-len(normalized_shape), 0))
    return losses.layer_norm(input, normalized_shape, weight, bias, eps), *_moments(input, axes, eps)


@composite(
    api="torch", public="native_layer_norm", reference=_layer_definition,
    samples=lambda make: [
        Sample(make(3, 4), (4,), make(4), make(4), 1e-5), Sample(make(2, 3, 4), (3, 4), None, None, 1e-3),
    ],
    errors=lambda make: [Bad(make(2, 3), (5,), None, None, 1e-5, match=r"expected input with shape \[\*, 5\]")],
)  # fmt: skip
def aten_layer_norm(
    input: Tensor, normalized_shape: IntOrInts, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Layer normalisation with the mean and 1 / standard deviation of every row.

    >>> import tritonnn as torch
    >>> torch.native_layer_norm(torch.tensor([[1., 3.]]), (2,), None, None, 0.0)
    (tensor([[-1.,  1.]]), tensor([[2.]]), tensor([[1.]]))
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    return _in_input_type(input, normalization.native_layer_norm(input, shape, weight, bias, eps))


def _group_definition(
    input: np.ndarray, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float
) -> Any:
    mean, rstd = _moments(input.reshape(N, group, -1), (2,), eps)
    return losses.group_norm(input, group, weight, bias, eps), mean[..., 0], rstd[..., 0]


@composite(
    api="torch", public="native_group_norm", reference=_group_definition,
    samples=lambda make: [
        Sample(make(2, 6, 5), make(6), make(6), 2, 6, 5, 3, 1e-5),
        Sample(make(2, 4, 3, 2), None, None, 2, 4, 6, 2, 1e-3),
    ],
    errors=lambda make: [
        Bad(make(1, 4, 3), None, None, 2, 4, 3, 2, 1e-5, match=r"N \* C \* HxW"),
        Bad(make(1, 4, 3), None, None, 1, 4, 3, 3, 1e-5, match="divisible by num_groups"),
    ],
)  # fmt: skip
def aten_group_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, N: Count, C: Count, HxW: Count, group: Count,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Group normalisation with the mean and 1 / standard deviation of every sample's groups.

    Args:
        input: N samples of C channels of HxW elements.
        group: the number of groups.

    >>> import tritonnn as torch
    >>> torch.native_group_norm(torch.tensor([[[1., 3.]]]), None, None, 1, 1, 2, 1, 0.0)
    (tensor([[[-1.,  1.]]]), tensor([[2.]]), tensor([[1.]]))
    """
    if input.numel() != N * C * HxW or input.shape[:2] != (N, C):
        raise fail("native_group_norm", f"Expected N * C * HxW elements, got {N} * {C} * {HxW}", input=input)
    return _in_input_type(input, normalization.native_group_norm(input, group, weight, bias, eps))


def _batch_definition(
    input: np.ndarray, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, eps: float
) -> Any:
    axes = (0, *range(2, input.ndim))
    mean, rstd = [v.reshape(-1) for v in _moments(input, axes, eps)] if training else [np.zeros(0)] * 2
    return layers.batch_norm(input, weight, bias, running_mean, running_var, training, eps), mean, rstd


@composite(
    api="torch", public="native_batch_norm", reference=_batch_definition,
    samples=lambda make: [
        Sample(make(4, 3, 5), make(3), make(3), None, None, True, 0.1, 1e-5),
        Sample(make(4, 3), None, None, make(3), make(3, positive=True), True, 0.2, 1e-3),
        Sample(make(2, 3, 4, 5), make(3), None, make(3), make(3, positive=True), False, 0.1, 1e-5),
    ],
    errors=lambda make: [
        Bad(make(2, 3), None, None, None, None, False, 0.1, 1e-5, match="running_mean and running_var"),
        Bad(make(2, 3), make(4), None, None, None, True, 0.1, 1e-5, match="weight should contain 3 elements"),
    ],
)  # fmt: skip
def aten_batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, training: bool, momentum: float, eps: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Batch normalisation with the mean and 1 / standard deviation of the batch, which are empty outside training.

    >>> import tritonnn as torch
    >>> torch.native_batch_norm(torch.tensor([[1.], [3.]]), None, None, None, None, True, 0.1, 0.0)
    (tensor([[-1.],
            [ 1.]]), tensor([2.]), tensor([1.]))
    """
    given = (weight, bias, running_mean, running_var)
    moved = [t for t in (running_mean, running_var) if t is not None] if training else []
    for running in moved:
        dispatch.before_write(running)
    values, mean, rstd = batch_norm.native_batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps
    )
    for running in moved:
        dispatch.wrote(running, "native_batch_norm")
    if input.device.type == "cpu" and not any(t is not None and t.dtype is not input.dtype for t in given):
        mean, rstd = mean.to(input.dtype), rstd.to(input.dtype)
    return (values, mean, rstd) if training else (values, mean.new_empty(0), rstd.new_empty(0))
