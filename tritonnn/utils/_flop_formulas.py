"""Floating-point operations by operator: formulas over shapes, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

Shape = Sequence[int]
Formula = Callable[..., int]


def mm_flop(a_shape: Shape, b_shape: Shape, *args: object, out_shape: Shape, **kwargs: object) -> int:
    """A multiplication and an addition for each element of a row, for each element of the result."""
    return 2 * prod(out_shape) * a_shape[-1]


def added_flop(
    self_shape: Shape, a_shape: Shape, b_shape: Shape, *args: object, out_shape: Shape, **kwargs: object
) -> int:
    """That of the product alone."""
    return mm_flop(a_shape, b_shape, out_shape=out_shape)


def linear_flop(input_shape: Shape, weight_shape: Shape, *args: object, **kwargs: object) -> int:
    """That of the product alone."""
    return 2 * prod(input_shape) * weight_shape[0]


def convolution_flop(
    x_shape: Shape,
    w_shape: Shape,
    bias: object,
    stride: object,
    padding: object,
    dilation: object,
    transposed: bool,
    *args: object,
    out_shape: Shape,
    **kwargs: object,
) -> int:
    """Each place of the result (transposed: of the input) meets all weights once."""
    places = (x_shape if transposed else out_shape)[2:]
    return 2 * x_shape[0] * prod(places) * prod(w_shape)


def weight_grad_flop(
    grad_shape: Shape, x_shape: Shape, kernel_size: Shape, *args: object, **kwargs: object
) -> int:
    """Every channel of the gradient with every one of the input, of other groups too: so PyTorch counts."""
    return 2 * prod(grad_shape) * x_shape[1] * prod(kernel_size)


def attention_flop(
    query_shape: Shape, key_shape: Shape, value_shape: Shape, *args: object, **kwargs: object
) -> int:
    """Scores, and their product with the values; a mask takes nothing off."""
    pairs = prod(query_shape[:-1]) * key_shape[-2]
    return 2 * pairs * (query_shape[-1] + value_shape[-1])


def attention_packed_flop(
    query_shape: Shape, key_shape: Shape, value_shape: Shape, *args: Any, **kwargs: object
) -> int:
    """As if every query met as many keys as the longest sequence has: where sequences end only tensors say."""
    pairs = prod(query_shape[:-1]) * args[4]
    return 2 * pairs * (query_shape[-1] + value_shape[-1])


def attention_backward_flop(
    grad_shape: Shape,
    query_shape: Shape,
    key_shape: Shape,
    value_shape: Shape,
    *args: object,
    **kwargs: object,
) -> int:
    """The scores again, their gradient and that of the values, those of queries and of keys."""
    pairs = prod(query_shape[:-1]) * key_shape[-2]
    return 2 * pairs * (3 * query_shape[-1] + 2 * value_shape[-1])


def linear_cross_entropy_flop(x_shape: Shape, w_shape: Shape, *args: object, **kwargs: object) -> int:
    """The scores."""
    return 2 * prod(x_shape) * w_shape[0]


#: entry of the op table -> its formula over the shapes of its arguments, in schema order, and of its result. Products
#: of matrices and convolutions count, as in PyTorch, and nothing else does.
FORMULAS: dict[str, Formula] = {
    "matmul_nd": mm_flop,
    "linear": linear_flop,
    "addmm": added_flop,
    "baddbmm": added_flop,
    "addmm_activation": added_flop,
    "scaled_product": mm_flop,
    "convolution": convolution_flop,
    "convolution_relu": lambda x, w, *_, out_shape, **__: convolution_flop(
        x, w, None, None, None, None, False, out_shape=out_shape
    ),
    "convolution_weight_grad": weight_grad_flop,
    "attention": attention_flop,
    "attention_packed": attention_packed_flop,
    "attention_blocks": attention_flop,
    "attention_backward": attention_backward_flop,
    "fused_linear_cross_entropy": linear_cross_entropy_flop,
}
