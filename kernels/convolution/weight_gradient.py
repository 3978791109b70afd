"""Gradients of the weights of convolutions.

The kernels are in `_weight_boxes.py` (tensor descriptors), `_weight.py` (every geometry) and `_depthwise.py`; with a
kernel of one tap it is a product of matrices. Which of them runs, and with which tile, are pure functions of shapes.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._complex import complex_weight_grad
from tritonnn.kernels.convolution._geometry import (
    Ints,
    Window,
    check_dtype,
    packed,
    precision,
    spatial,
    window_of,
)
from tritonnn.kernels.convolution._weight import weight_kernel
from tritonnn.kernels.convolution._weight_plan import Problem, box_patch, combined, run
from tritonnn.kernels.convolution.depthwise import depthwise_weight
from tritonnn.kernels.device.moving import fill
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.launch import architecture, multiprocessors
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.linalg._plan import Product, plan_product
from tritonnn.kernels.tables.convolution_weight import is_product, weight_candidates
from tritonnn.shape import numel


@replayed
def convolution_weight_grad(
    out: Buffer,
    grad: Buffer,
    input: Buffer,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> None:
    """Gradient of `convolution` (not transposed) with respect to its weight."""
    if not out.numel:
        return
    run = partial(complex_weight_grad, _weight_grad) if out.dtype.is_complex else _weight_grad
    run(out, grad, input, kernel_size, stride, padding, dilation, groups)


def _weight_grad(
    out: Buffer, grad: Buffer, input: Buffer, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int,
) -> None:  # fmt: skip
    check_dtype("convolution_weight_grad", out)
    window = window_of(stride, padding, dilation)
    out, grad, x = spatial(out), spatial(grad), spatial(input)
    if not grad.numel:
        return fill(out, 0)
    if out.shape[1] == 1 and groups > 1:
        return depthwise_weight(out, grad, x, window)
    grad, x = packed(grad), packed(x)
    if _meets_itself(out, window):
        grad_rows, x_rows = as_rows(grad), as_rows(x)
        if grad_rows is not None and x_rows is not None:
            if groups == 1 and is_product(out.shape[0], out.shape[1], multiprocessors(out)):
                return _multiply(out, grad_rows, x_rows)
            grad, x = grad_rows, x_rows
    _convolve(Problem(out, grad, x, window, groups))


def _meets_itself(out: Buffer, window: Window) -> bool:
    """Whether the kernel has one tap, which meets every position at itself."""
    return numel(out.shape[2:]) == 1 and window.start == (0, 0, 0) and window.stride == (1, 1, 1)


def as_rows(x: Buffer) -> Buffer | None:
    """(N, C, D, H, W) as (1, C, 1, 1, N * D * H * W), where positions lie at one distance; else None."""
    dims = [(x.shape[d], x.strides[d]) for d in (0, 2, 3, 4) if x.shape[d] > 1]
    if any(outer[1] != inner[0] * inner[1] for outer, inner in pairwise(dims)):
        return None
    count = numel([n for n, _ in dims])
    distance = dims[-1][1] if dims else x.shape[1]
    return x.as_strided((1, x.shape[1], 1, 1, count), (0, x.strides[1], 0, 0, distance))


def _multiply(out: Buffer, grad: Buffer, x: Buffer) -> None:
    """out = grad^T @ x, of operands as `as_rows` makes them."""
    a = grad.as_strided((grad.shape[1], grad.shape[4]), (1, grad.strides[4]))
    b = x.as_strided((x.shape[4], x.shape[1]), (x.strides[4], 1))
    out = out.as_strided(out.shape[:2], out.strides[:2])
    aligned = not (out.ptr | a.ptr | b.ptr) & 15
    plan_product(Product(out, a, b, precise=precision(x)), aligned)(out, a, b)


def _convolve(p: Problem) -> None:
    """By the measured or the chosen road and tile."""
    patch = box_patch(p)
    channels, depth, taps = p.out.shape[0] // p.groups, p.out.shape[1], numel(p.out.shape[2:])
    shared = (numel(p.sizes), p.x.dtype.itemsize, architecture(), multiprocessors(p.out), p.groups)
    candidates = weight_candidates(channels, depth, taps, *shared)
    if patch is not None:
        # the taps of a phase are a launch of their own
        each = -(-taps // len(combined(p)))
        candidates = weight_candidates(channels, depth, each, *shared, True) + candidates[:4]
    problem = (str(p.out.dtype), channels, depth, taps, numel(p.sizes), p.groups, patch is not None)
    choice = pick(weight_kernel, problem, candidates[0], candidates, lambda c: lambda: run(p, c, patch))
    run(p, choice, patch)
