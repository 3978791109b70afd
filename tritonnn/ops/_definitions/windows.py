"""Definitions in NumPy of what looks through windows: convolution, pooling, blocks as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from tritonnn.table.types import IntOrInts

Array: TypeAlias = Any


def _each(value: Any, n: int) -> list[int]:
    values: list[Any] = [value] if np.isscalar(value) else list(value)
    return values * n if len(values) == 1 else values


def _flat(x: Array, rank: int) -> Array:
    """All dimensions from `rank` on as one."""
    return x.reshape(*x.shape[:rank], int(np.prod(x.shape[rank:])))


# ---- convolution ----------------------------------------------------------------------------------------


def convolved(
    n: int, input: Array, weight: Array, bias: Array | None, stride: IntOrInts, padding: IntOrInts,
    dilation: IntOrInts, groups: int,
) -> Array:  # fmt: skip
    """out[b, c, o] = bias[c] + sum over i, t of weight[c, i, t] input[b, i, o stride + t dilation - padding]."""
    if input.ndim == n + 1:
        return convolved(n, input[None], weight, bias, stride, padding, dilation, groups)[0]
    kernel, step, spread = weight.shape[2:], _each(stride, n), _each(dilation, n)
    if isinstance(padding, str):
        totals = [d * (k - 1) if padding == "same" else 0 for d, k in zip(spread, kernel, strict=True)]
        margins = [(total // 2, total - total // 2) for total in totals]
    else:
        margins = [(p, p) for p in _each(padding, n)]
    x = np.pad(input, [(0, 0), (0, 0), *margins])
    sizes = [
        (s - d * (k - 1) - 1) // t + 1 for s, k, t, d in zip(x.shape[2:], kernel, step, spread, strict=True)
    ]
    out = np.zeros((len(x), len(weight), *sizes), np.result_type(input, weight))
    per_group, outs = weight.shape[1], len(weight) // groups
    for c in range(len(weight)):
        channels = x[:, c // outs * per_group : (c // outs + 1) * per_group]
        for o in np.ndindex(*sizes):
            at = [
                slice(i * s, i * s + d * (k - 1) + 1, d)
                for i, s, d, k in zip(o, step, spread, kernel, strict=True)
            ]
            window = channels[(slice(None), slice(None), *at)]
            out[(slice(None), c, *o)] = (window * weight[c]).sum(tuple(range(1, n + 2)))
    return out if bias is None else out + bias.reshape(-1, *[1] * n)


def transposed(
    n: int, input: Array, weight: Array, bias: Array | None, stride: IntOrInts, padding: IntOrInts,
    output_padding: IntOrInts, groups: int, dilation: IntOrInts,
) -> Array:  # fmt: skip
    """out[b, c, i stride + t dilation - padding] collects weight[j, c, t] input[b, j, i]."""
    if input.ndim == n + 1:
        rest = (stride, padding, output_padding, groups, dilation)
        return transposed(n, input[None], weight, bias, *rest)[0]
    kernel, step, spread = weight.shape[2:], _each(stride, n), _each(dilation, n)
    pad, extra = _each(padding, n), _each(output_padding, n)
    sizes = [
        (length - 1) * s + d * (k - 1) + 1 + more
        for length, s, d, k, more in zip(input.shape[2:], step, spread, kernel, extra, strict=True)
    ]
    outs, ins = weight.shape[1], len(weight) // groups
    out = np.zeros((len(input), outs * groups, *sizes), np.result_type(input, weight))
    for j in range(len(weight)):
        first = j // ins * outs
        for i in np.ndindex(*input.shape[2:]):
            at = [
                slice(a * s, a * s + d * (k - 1) + 1, d)
                for a, s, d, k in zip(i, step, spread, kernel, strict=True)
            ]
            value = input[(slice(None), j, *i)].reshape(-1, *[1] * (n + 1))
            out[(slice(None), slice(first, first + outs), *at)] += value * weight[j]
    inside: list[Any] = [slice(p, size - p) for p, size in zip(pad, sizes, strict=True)]
    out = out[(..., *inside)]
    return out if bias is None else out + bias.reshape(-1, *[1] * n)


def convolution(
    input: Array, weight: Array, bias: Array | None, stride: IntOrInts, padding: IntOrInts,
    dilation: IntOrInts, transposed: bool, output_padding: IntOrInts, groups: int,
) -> Array:  # fmt: skip
    n = weight.ndim - 2
    if transposed:
        return _transposed(n, input, weight, bias, stride, padding, output_padding, groups, dilation)
    return convolved(n, input, weight, bias, stride, padding, dilation, groups)


_transposed = transposed


def conv(n: int) -> Callable[..., Array]:
    def defined(
        input: Array, weight: Array, bias: Array | None, stride: IntOrInts, padding: IntOrInts,
        dilation: IntOrInts, groups: int,
    ) -> Array:  # fmt: skip
        return convolved(n, input, weight, bias, stride, padding, dilation, groups)

    return defined


def conv_transpose(n: int) -> Callable[..., Array]:
    def defined(
        input: Array, weight: Array, bias: Array | None, stride: IntOrInts, padding: IntOrInts,
        output_padding: IntOrInts, groups: int, dilation: IntOrInts,
    ) -> Array:  # fmt: skip
        return transposed(n, input, weight, bias, stride, padding, output_padding, groups, dilation)

    return defined


def conv_tbc(input: Array, weight: Array, bias: Array, pad: int) -> Array:
    """out[t] = bias + sum over k of padded input[t + k] @ weight[k]."""
    x = np.pad(input, [(pad, pad), (0, 0), (0, 0)])
    return np.stack(
        [
            sum(x[t + k] @ weight[k] for k in range(len(weight))) + bias
            for t in range(len(x) - len(weight) + 1)
        ]
    )


# ---- pooling --------------------------------------------------------------------------------------------


def window_spans(
    shape: Sequence[int], kernel: IntOrInts, stride: IntOrInts, padding: IntOrInts, dilation: IntOrInts = 1,
    ceil_mode: bool = False,
) -> list[list[range]]:  # fmt: skip
    """For each dimension the positions of each window, those in the padding included."""
    n = len(shape)
    sizes, pads, spreads = _each(kernel, n), _each(padding, n), _each(dilation, n)
    steps = sizes if stride is None or stride == [] else _each(stride, n)
    spans = []
    for length, k, s, p, d in zip(shape, sizes, steps, pads, spreads, strict=True):
        reach = length + 2 * p - d * (k - 1) - 1
        count = (-(-reach // s) if ceil_mode else reach // s) + 1
        starts = [i * s - p for i in range(count) if i * s < length + p]  # none starts in the right padding
        spans.append([range(start, start + d * (k - 1) + 1, d) for start in starts])
    return spans


def pooled(input: Array, spans: list[list[range]], reduce: Callable[..., Any]) -> Array:
    """`reduce(elements inside the window, its spans)` at each place; the elements lie in the last dimension."""
    n = len(spans)
    lead = input.shape[: input.ndim - n]
    out = np.zeros((*lead, *[len(span) for span in spans]))
    for place in np.ndindex(*out.shape[len(lead) :]):
        window = [span[i] for span, i in zip(spans, place, strict=True)]
        inside = [[i for i in at if 0 <= i < size] for at, size in zip(window, input.shape[-n:], strict=True)]
        out[(..., *place)] = reduce(_flat(input[(..., *np.ix_(*inside))], len(lead)), window)
    return out


def _mean(
    shape: Sequence[int], padding: IntOrInts, count_include_pad: bool, divisor: int | None
) -> Callable[..., Any]:
    def reduce(elements: Array, window: list[range]) -> Any:
        if divisor is not None:
            return elements.sum(-1) / divisor
        if not count_include_pad:
            return elements.mean(-1)
        reach = zip(window, shape, _each(padding, len(shape)), strict=True)
        return elements.sum(-1) / np.prod([len([i for i in at if i < size + pad]) for at, size, pad in reach])

    return reduce


def avg_pool1d(
    input: Array, kernel_size: IntOrInts, stride: IntOrInts, padding: IntOrInts, ceil_mode: bool,
    count_include_pad: bool,
) -> Array:  # fmt: skip
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool(n: int) -> Callable[..., Array]:
    def defined(
        input: Array, kernel_size: IntOrInts, stride: IntOrInts, padding: IntOrInts, ceil_mode: bool,
        count_include_pad: bool, divisor_override: int | None,
    ) -> Array:  # fmt: skip
        return _avg_pool(
            n, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        )

    return defined


def _avg_pool(
    n: int, input: Array, kernel: IntOrInts, stride: IntOrInts, padding: IntOrInts, ceil_mode: bool,
    count: bool, divisor: int | None,
) -> Array:  # fmt: skip
    shape = input.shape[-n:]
    spans = window_spans(shape, kernel, stride, padding, 1, ceil_mode)
    return _whole(pooled(input, spans, _mean(shape, padding, count, divisor)), input)


def _whole(result: Array, like: Array) -> Array:
    """Whole numbers are divided as such, towards 0."""
    return result.astype(like.dtype) if like.dtype.kind in "iu" else result


def adaptive_spans(shape: Sequence[int], output_size: IntOrInts) -> list[list[range]]:
    """Bin i of a dimension of extent L holds the positions from floor(i L / size) to ceil((i + 1) L / size)."""
    sizes = _each(output_size, len(shape))
    sizes = [length if size is None else size for length, size in zip(shape, sizes, strict=True)]
    return [
        [range(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        for length, size in zip(shape, sizes, strict=True)
    ]


def adaptive_avg_pool(n: int) -> Callable[..., Array]:
    def defined(input: Array, output_size: IntOrInts) -> Array:
        return pooled(input, adaptive_spans(input.shape[-n:], output_size), lambda x, window: x.mean(-1))

    return defined


def lp_pool(n: int) -> Callable[..., Array]:
    """The p-norm of each window; what a window that is cut lacks, it has in the mean of its powers."""

    def defined(
        input: Array, norm_type: float, kernel_size: IntOrInts, stride: IntOrInts, ceil_mode: bool
    ) -> Array:
        spans = window_spans(input.shape[-n:], kernel_size, stride, 0, 1, ceil_mode)
        full = np.prod(_each(kernel_size, n))
        extreme = {np.inf: np.max, -np.inf: np.min}.get(norm_type)
        if extreme is not None:
            return pooled(np.abs(input), spans, lambda x, window: extreme(x, -1))
        return pooled(input, spans, lambda x, window: ((x**norm_type).mean(-1) * full) ** (1 / norm_type))

    return defined


# ---- blocks as columns ----------------------------------------------------------------------------------


def _blocks(
    size: Sequence[int], kernel: IntOrInts, dilation: IntOrInts, padding: IntOrInts, stride: IntOrInts
) -> Iterator[Any]:
    """The rows and columns of each block in a padded image."""
    pads = _each(padding, 2)
    padded = [length + 2 * p for length, p in zip(size, pads, strict=True)]
    high, wide = window_spans(padded, kernel, stride, 0, dilation)
    return (np.ix_(rows, columns) for rows in high for columns in wide)


def unfold(
    input: Array, kernel_size: IntOrInts, dilation: IntOrInts, padding: IntOrInts, stride: IntOrInts
) -> Array:
    pads = [(0, 0)] * (input.ndim - 2) + [(p, p) for p in _each(padding, 2)]
    blocks = _blocks(input.shape[-2:], kernel_size, dilation, padding, stride)
    x = np.pad(input, pads)
    return np.stack([_flat(x[(..., *at)], x.ndim - 3) for at in blocks], -1)


def fold(
    input: Array, output_size: IntOrInts, kernel_size: IntOrInts, dilation: IntOrInts, padding: IntOrInts,
    stride: IntOrInts,
) -> Array:  # fmt: skip
    size, pads, kernel = _each(output_size, 2), _each(padding, 2), _each(kernel_size, 2)
    channels = input.shape[-2] // (kernel[0] * kernel[1])
    lead = input.shape[:-2]
    image = np.zeros((*lead, channels, size[0] + 2 * pads[0], size[1] + 2 * pads[1]), input.dtype)
    for column, at in enumerate(_blocks(size, kernel, dilation, padding, stride)):
        image[(..., *at)] += input[..., column].reshape(*lead, channels, *kernel)
    return image[..., pads[0] : size[0] + pads[0], pads[1] : size[1] + pads[1]]
