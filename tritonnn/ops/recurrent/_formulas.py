"""The gradients of recurrent layers by ops that have derivatives of their own: what second derivatives are made of.

Each function runs the layer again, step by step, and then goes back through the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.batch_sizes import Sizes, steps
from tritonnn.ops._fused import raised
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.shape.parts import narrow

Given = tuple[Tensor | None, ...]


def _first(x: Tensor, count: int) -> Tensor:
    return x if x.shape[0] == count else narrow(x, 0, 0, count)


def _with_first(first: Tensor, x: Tensor) -> Tensor:
    """x with its first rows replaced."""
    count, total = first.shape[0], x.shape[0]
    return first if count == total else cat([first, narrow(x, 0, count, total - count)], 0)


def _or_zeros(g: Tensor | None, like: Tensor) -> Tensor:
    return like.detach().new_zeros(like.shape) if g is None else g


def _in_order(parts: dict[int, Tensor]) -> Tensor:
    """Rows of steps by their first row, as one matrix."""
    return cat([part for _, part in sorted(parts.items())], 0)


def _back(
    places: tuple[tuple[int, int], ...], saved: list[Any], g_output: Tensor | None
) -> Iterator[tuple[int, int, Any, Tensor | None]]:
    """Steps from the last to the first: first row, rows, what was saved, and the gradient of the outputs."""
    for (low, count), values in zip(reversed(places), reversed(saved), strict=True):
        yield low, count, values, None if g_output is None else narrow(g_output, 0, low, count)


def _plus(a: Tensor, b: Tensor | None) -> Tensor:
    return a if b is None else a + b


def lstm_grads(
    g: Given, projected: Tensor, hx: Tensor, cx: Tensor, weight: Tensor, weight_hr: Tensor | None, sizes: Sizes,
    reverse: bool,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """Of the rows, the initial states and both weights."""
    g_output, g_h, g_c = raised(*g)
    projected, h, c, weight, weight_hr = raised(projected, hx, cx, weight, weight_hr)
    dh, dc = _or_zeros(g_h, h), _or_zeros(g_c, c)
    places, saved = steps(sizes, reverse), []
    for low, count in places:
        h_old, c_old = _first(h, count), _first(c, count)
        i, f, n, o = (narrow(projected, 0, low, count) + h_old @ weight.t()).chunk(4, 1)
        i, f, n, o = i.sigmoid(), f.sigmoid(), n.tanh(), o.sigmoid()
        c_new = f * c_old + i * n
        raw = o * c_new.tanh()
        h_new = raw if weight_hr is None else raw @ weight_hr.t()
        saved.append((h_old, c_old, i, f, n, o, c_new.tanh(), raw))
        h, c = _with_first(h_new, h), _with_first(c_new, c)
    rows, before, hidden, raws = {}, {}, {}, {}
    for low, count, (h_old, c_old, i, f, n, o, t, raw), g_step in _back(places, saved, g_output):
        d = _plus(_first(dh, count), g_step)
        hidden[low], raws[low], before[low] = d, raw, h_old
        d = d if weight_hr is None else d @ weight_hr
        d_cell = _first(dc, count) + d * o * (1 - t * t)
        gates = (
            d_cell * n * i * (1 - i),
            d_cell * c_old * f * (1 - f),
            d_cell * i * (1 - n * n),
            d * t * o * (1 - o),
        )
        rows[low] = cat(gates, 1)
        dh, dc = _with_first(rows[low] @ weight, dh), _with_first(d_cell * f, dc)
    d_rows = _in_order(rows)
    d_hr = None if weight_hr is None else _in_order(hidden).t() @ _in_order(raws)
    return d_rows, dh, dc, d_rows.t() @ _in_order(before), d_hr


def gru_grads(
    g: Given, projected: Tensor, hx: Tensor, weight: Tensor, bias: Tensor | None, sizes: Sizes, reverse: bool
) -> tuple[Tensor | None, ...]:
    """Of the rows, the initial state, the weight and the bias."""
    g_output, g_h = raised(*g)
    projected, h, weight, bias = raised(projected, hx, weight, bias)
    dh = _or_zeros(g_h, h)
    places, saved = steps(sizes, reverse), []
    for low, count in places:
        h_old = _first(h, count)
        x_r, x_z, x_n = narrow(projected, 0, low, count).chunk(3, 1)
        h_r, h_z, h_n = _plus(h_old @ weight.t(), bias).chunk(3, 1)
        r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
        n = (x_n + r * h_n).tanh()
        saved.append((h_old, r, z, n, h_n))
        h = _with_first((1 - z) * n + z * h_old, h)
    rows, hidden, before = {}, {}, {}
    for low, count, (h_old, r, z, n, h_n), g_step in _back(places, saved, g_output):
        d = _plus(_first(dh, count), g_step)
        d_n = d * (1 - z) * (1 - n * n)
        d_r, d_z = d_n * h_n * r * (1 - r), d * (h_old - n) * z * (1 - z)
        rows[low], hidden[low], before[low] = cat([d_r, d_z, d_n], 1), cat([d_r, d_z, d_n * r], 1), h_old
        dh = _with_first(hidden[low] @ weight + d * z, dh)
    d_hidden = _in_order(hidden)
    d_bias = None if bias is None else d_hidden.sum(0)
    return _in_order(rows), dh, d_hidden.t() @ _in_order(before), d_bias


def rnn_grads(
    g: Given, projected: Tensor, hx: Tensor, weight: Tensor, sizes: Sizes, reverse: bool, relu: bool
) -> tuple[Tensor | None, ...]:
    """Of the rows, the initial state and the weight."""
    g_output, g_h = raised(*g)
    projected, h, weight = raised(projected, hx, weight)
    dh = _or_zeros(g_h, h)
    places, saved = steps(sizes, reverse), []
    for low, count in places:
        h_old = _first(h, count)
        total = narrow(projected, 0, low, count) + h_old @ weight.t()
        h_new = total.relu() if relu else total.tanh()
        saved.append((h_old, h_new))
        h = _with_first(h_new, h)
    rows, before = {}, {}
    for low, count, (h_old, h_new), g_step in _back(places, saved, g_output):
        d = _plus(_first(dh, count), g_step)
        rows[low] = d.masked_fill(h_new.detach() <= 0, 0.0) if relu else d * (1 - h_new * h_new)
        before[low] = h_old
        dh = _with_first(rows[low] @ weight, dh)
    d_rows = _in_order(rows)
    return d_rows, dh, d_rows.t() @ _in_order(before)
