"""How many multiply-adds a call of the op table computes, from the shapes of its arguments and results."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def _product(args: tuple, results: tuple) -> int:
    """Rows times columns times the length of a row."""
    return results[0].numel() * args[0].shape[-1]


def _product_added(args: tuple, results: tuple) -> int:
    return results[0].numel() * args[1].shape[-1]


def _convolution(args: tuple, results: tuple) -> int:
    """Each element of the result (transposed: of the input) meets the weights of its group once."""
    input, weight, transposed = args[0], args[1], args[6]
    return (input if transposed else results[0]).numel() * math.prod(weight.shape[1:])


def _attention(args: tuple, results: tuple) -> int:
    """q kᵀ, then the product with v; a causal mask does not count, as the work saved depends on the blocks."""
    query, key, value = args[:3]
    return math.prod(query.shape[:3]) * key.shape[2] * (query.shape[3] + value.shape[3])


def _packed_attention(args: tuple, results: tuple) -> int:
    """As if every query met as many keys as the longest sequence has: where sequences end only tensors say."""
    query, value, keys = args[0], args[2], args[7]
    return math.prod(query.shape[:2]) * keys * (query.shape[2] + value.shape[2])


#: (arguments in schema order, results) -> multiply-adds of forward, for the ops that are products of matrices; all
#: others cost some operations per element and count as none
MULTIPLY_ADDS: dict[str, Callable[[tuple, tuple], int]] = {
    "matmul_nd": _product,
    "dot_of": lambda args, results: args[0].numel(),
    "mv_of": lambda args, results: args[0].numel(),
    "linear": _product,
    "addmm": _product_added,
    "baddbmm": _product_added,
    "addmm_activation": _product_added,
    "scaled_product": _product,
    "convolution": _convolution,
    "convolution_relu": lambda args, results: _convolution((*args[:3], 1, 0, 1, False), results),
    "attention": _attention,
    "attention_packed": _packed_attention,
    "attention_blocks": _attention,
    "fused_linear_cross_entropy": lambda args, results: args[0].numel() * args[1].shape[0],
}


def multiply_adds(name: str, args: tuple, results: tuple[Any, ...]) -> int:
    """The multiply-adds of one call; 0 for an op that is not in the table."""
    count = MULTIPLY_ADDS.get(name)
    return count(args, results) if count is not None else 0
