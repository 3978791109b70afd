"""Operators that ATen has under names, or with arguments, of its own: `torch.ops.aten._softmax`, `aten.slice.Tensor`.

Users' functions are made of the same entries of the table. What looks at calls (`tritonnn/utils/_aten.py`) tells of
them by these names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.table import NAMESPACES, OPS


def _entry(name: str) -> Callable:
    return OPS[name].function


def _softmax(input: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    return _entry("softmax")(input.float() if half_to_float else input, dim)


def _log_softmax(input: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    return _entry("log_softmax")(input.float() if half_to_float else input, dim)


def _softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int, input_dtype: Any) -> Tensor:
    return _entry("softmax_backward")(grad_output, output, dim).to(input_dtype)


def _log_softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int, input_dtype: Any) -> Tensor:
    return _entry("log_softmax_backward")(grad_output, output, dim).to(input_dtype)


def _slice(
    input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    places = [slice(None)] * (dim % max(input.ndim, 1)) + [slice(start, end, step)]
    return input[tuple(places)]


def _to_copy(
    input: Tensor,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool | None = None,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> Tensor:
    copied = input.to(
        device or input.device,
        dtype or input.dtype,
        non_blocking=non_blocking,
        copy=True,
        **({} if memory_format is None else {"memory_format": memory_format}),
    )
    return copied.pin_memory() if pin_memory else copied


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
    seed: int = 0,
    offset: int = 0,
) -> Any:
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    given = query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale
    return _entry("attention")(*given)


def _split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    return NAMESPACES["torch"]["split"](input, split_size, dim)


def _lift_fresh(input: Tensor) -> Tensor:
    return input


def _view(input: Tensor, size: Any) -> Tensor:
    return input.view(size)


def _alias(input: Tensor) -> Tensor:
    return input.view(input.shape) if input.is_contiguous() else input.as_strided(input.shape, input.stride())


def _pin_memory(input: Tensor, device: Any = None) -> Tensor:
    return input.pin_memory() if device is None else input.pin_memory(device)


def _sparse_addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return NAMESPACES["torch"]["addmm"](input, mat1, mat2, beta=beta, alpha=alpha)


def _scalar(input: Tensor) -> Any:
    return input.item()


#: name -> what it calls, and its overloads
FORMS: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "_softmax": (_softmax, ("default",)),
    "_log_softmax": (_log_softmax, ("default",)),
    "_softmax_backward_data": (_softmax_backward_data, ("default",)),
    "_log_softmax_backward_data": (_log_softmax_backward_data, ("default",)),
    "slice": (_slice, ("Tensor",)),
    "_to_copy": (_to_copy, ("default",)),
    "_scaled_dot_product_flash_attention": (_attention, ("default",)),
    "_scaled_dot_product_flash_attention_for_cpu": (_attention, ("default",)),
    "lift_fresh": (_lift_fresh, ("default",)),
    "_unsafe_view": (_view, ("default",)),
    "alias": (_alias, ("default",)),
    "_pin_memory": (_pin_memory, ("default",)),
    "_sparse_addmm": (_sparse_addmm, ("default",)),
    "_local_scalar_dense": (_scalar, ("default",)),
}
