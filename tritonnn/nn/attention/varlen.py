"""Attention within sequences of different lengths that lie one after another in one tensor."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.ops.attention import attention, attention_packed
from tritonnn.ops.creation.from_data import tensor as make_tensor
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import cat
from tritonnn.recording.grad_mode import is_grad_enabled

__all__ = ["AuxRequest", "varlen_attn", "varlen_attn_out"]


class AuxRequest(NamedTuple):
    """What `varlen_attn` returns beside its result: logarithms of sums of each query."""

    lse: bool = False


def varlen_attn(
    query: Tensor, key: Tensor, value: Tensor, cu_seq_q: Tensor, cu_seq_k: Tensor | None, max_q: int, max_k: int, *,
    return_aux: AuxRequest | None = None, scale: float | None = None, window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False, seqused_k: Tensor | None = None, block_table: Tensor | None = None,
    num_splits: int | None = None,
) -> Any:  # fmt: skip
    """softmax(q kᵀ · scale) v of each of N sequences, whose tokens lie one after another.

    Limits are read on the host, to be checked. It is one launch; with gradients one for each sequence.

    Args:
        query: (Tq, H, E). key, value: (Tk, H, E) and (Tk, H, Ev).
        cu_seq_q, cu_seq_k: (N + 1,) int32: where sequences of queries and keys begin, and the last ends.
        max_q, max_k: at least the largest numbers of queries and keys of a sequence.
        return_aux: with `lse` also return log Σ exp(score) of each query, (H, Tq); -inf where no key is seen.
        scale: 1 / √E by default.
        window_size: how many keys a query sees before and after its own, -1 for all; the last query's own key is the
            last one. (-1, 0) is causal. A query that sees no key gives zeros.
        enable_gqa: key and value may have fewer heads, a divisor of the query's.
        seqused_k: (N,) int32: how many keys of each sequence there are; without gradients.
        block_table: (N, P) int32: key and value are (pages, page size, H, E), and these are the pages of each
            sequence, of which `seqused_k` keys are there; without gradients.
        num_splits: how PyTorch's kernel splits keys among programs; here no result depends on other sequences.

    Raises:
        ValueError: numbers of heads, or a window, that do not fit. RuntimeError: shapes, dtypes or limits of
            sequences that do not fit, or gradients of what has none.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.attention.varlen import varlen_attn
    >>> x, limits = torch.arange(4.0).reshape(4, 1, 1), torch.tensor([0, 1, 4], dtype=torch.int32)
    >>> varlen_attn(x, x, x, limits, limits, 3, 3, window_size=(0, 0)).flatten()
    tensor([0., 1., 2., 3.])
    """
    window = _check(query, key, value, window_size, enable_gqa, seqused_k, block_table, num_splits)
    queries = _limits("cu_seq_q", cu_seq_q, query.shape[0], max_q, "max_q")
    sequences = _sequences(key, value, cu_seq_k, max_k, seqused_k, block_table, len(queries))
    if scale is None:
        scale = 1 / math.sqrt(query.shape[2]) if query.shape[2] else 1.0
    if is_grad_enabled() and any(t.requires_grad for t in (query, key, value)):
        out, lse = _by_sequence(query, value, queries, sequences, window, float(scale))
    else:
        out, lse = _at_once(
            query, key, value, cu_seq_q, cu_seq_k, queries, sequences, window, seqused_k, float(scale)
        )
    return (out, lse) if return_aux is not None and return_aux.lse else out


def _by_sequence(
    query: Tensor, value: Tensor, queries: list[tuple[int, int]], sequences: list[tuple[Tensor, Tensor]],
    window: tuple[int, int], scale: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One call of the attention op, which has a gradient, for each sequence."""
    results: list[Tensor] = [query.new_empty((0, query.shape[1], value.shape[-1]))]
    sums: list[Tensor] = []
    for (start, stop), (k, v) in zip(queries, sequences, strict=True):
        q = query[start:stop]
        mask, causal = _mask(stop - start, k.shape[0], window, query.device)
        q, k, v = (t.transpose(0, 1).unsqueeze(0) for t in (q, k, v))
        result, lse = attention(q, k, v, mask, 0.0, 0, 0, causal, scale)
        results.append(result.squeeze(0).transpose(0, 1))
        sums.append(lse.squeeze(0))
    return cat(results), cat(sums, 1) if sums else query.new_empty((query.shape[1], 0), dtype=dtypes.float32)


LENGTHS = 128  # longest sequences are rounded up to a multiple: calls of one geometry are launched alike


def _at_once(
    query: Tensor, key: Tensor, value: Tensor, cu_seq_q: Tensor, cu_seq_k: Tensor | None,
    queries: list[tuple[int, int]], sequences: list[tuple[Tensor, Tensor]], window: tuple[int, int],
    seqused_k: Tensor | None, scale: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """All sequences in one launch."""
    lengths = [k.shape[0] for k, _ in sequences]
    if key.ndim == 4 or cu_seq_k is None:  # pages, which `sequences` holds gathered
        key, value = (cat([pair[i] for pair in sequences]) if sequences else t[:0].flatten(0, 1)
                      for i, t in enumerate((key, value)))  # fmt: skip
        cu_seq_k = make_tensor([0, *itertools.accumulate(lengths)], dtype=dtypes.int32, device=query.device)
        seqused_k = None
    longest_q, longest_k = (
        -(-max(numbers, default=0) // LENGTHS) * LENGTHS
        for numbers in ([stop - start for start, stop in queries], lengths)
    )
    behind, ahead = (max(n, -1) for n in window)
    return attention_packed(
        query, key, value, cu_seq_q, cu_seq_k, seqused_k, longest_q, longest_k, behind, ahead, 0.0, scale
    )  # fmt: skip


def varlen_attn_out(
    out: Tensor, query: Tensor, key: Tensor, value: Tensor, cu_seq_q: Tensor, cu_seq_k: Tensor | None, max_q: int,
    max_k: int, *, return_aux: AuxRequest | None = None, scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1), enable_gqa: bool = False, seqused_k: Tensor | None = None,
    block_table: Tensor | None = None, num_splits: int | None = None,
) -> Any:  # fmt: skip
    """As `varlen_attn`, whose result is written into `out`, of its shape and dtype.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.attention.varlen import varlen_attn_out
    >>> x, limits, out = torch.ones(2, 1, 1), torch.tensor([0, 2], dtype=torch.int32), torch.zeros(2, 1, 1)
    >>> varlen_attn_out(out, x, x, x, limits, limits, 2, 2) is out, out.flatten()
    (True, tensor([1., 1.]))
    """
    wanted = (*query.shape[:2], value.shape[-1])
    if tuple(out.shape) != wanted or out.dtype is not query.dtype:
        raise RuntimeError(
            f"varlen_attn_out: out must be of shape {wanted} and {query.dtype}, got {tuple(out.shape)} and {out.dtype}"
        )
    result, lse = varlen_attn(
        query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, return_aux=AuxRequest(lse=True), scale=scale,
        window_size=window_size, enable_gqa=enable_gqa, seqused_k=seqused_k, block_table=block_table,
        num_splits=num_splits,
    )  # fmt: skip
    out.copy_(result)
    return (out, lse) if return_aux is not None and return_aux.lse else out


def _check(
    query: Tensor, key: Tensor, value: Tensor, window_size: tuple[int, ...], gqa: bool, seqused_k: Tensor | None,
    block_table: Tensor | None, num_splits: int | None,
) -> tuple[int, int]:  # fmt: skip
    """The window, where all fits but for the limits of sequences."""
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"varlen_attn: {name} must be a Tensor, got {type(tensor).__name__}")
    shapes = [tuple(t.shape) for t in (query, key, value)]
    extents = 3 if block_table is None else 4
    if [len(shape) for shape in shapes] != [3, extents, extents] or shapes[1][:-1] != shapes[2][:-1]:
        raise RuntimeError(
            f"varlen_attn: expected query (T, H, E), and key and value of {extents} dimensions that agree but in the "
            f"last, got {shapes}"
        )
    if shapes[0][2] != shapes[1][-1]:
        raise RuntimeError(f"varlen_attn: query has {shapes[0][2]} features but key has {shapes[1][-1]}")
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            f"varlen_attn: query, key and value must have one dtype, got {query.dtype}, {key.dtype} and {value.dtype}"
        )
    heads, others = shapes[0][1], shapes[1][-2]
    if heads != others and not gqa:
        raise ValueError(
            f"Expect query and key/value to have the same number of heads but got Hq={heads} and Hkv={others}. "
            "Try setting enable_gqa=True for GQA."
        )
    if others == 0 or heads % others:
        raise ValueError(
            f"Expect number of query heads to be a multiple of kv heads for GQA but got Hq={heads} and Hkv={others}."
        )
    if is_grad_enabled() and any(t.requires_grad for t in (query, key, value)):
        for name, given in (("seqused_k", seqused_k), ("block_table", block_table)):
            if given is not None:
                raise RuntimeError(f"{name} is an inference-only parameter.")
    if num_splits is not None and (not isinstance(num_splits, int) or num_splits < 0):
        raise RuntimeError(f"varlen_attn: num_splits must be a number from 0 on, got {num_splits!r}")
    if len(window_size) != 2:
        raise ValueError(f"window_size must have length 2, got {len(window_size)}")
    return tuple(window_size)  # type: ignore[return-value]


def _numbers(name: str, tensor: Tensor, ndim: int) -> Any:
    if tensor.dtype is not dtypes.int32 or tensor.ndim != ndim:
        raise RuntimeError(
            f"varlen_attn: {name} must be int32 of {ndim} dimensions, got {tensor.dtype} of shape {tuple(tensor.shape)}"
        )
    return tensor.tolist()


def _limits(name: str, tensor: Tensor, total: int, longest: int, bound: str) -> list[tuple[int, int]]:
    """Where each sequence begins and ends."""
    limits = _numbers(name, tensor, 1)
    pairs = list(itertools.pairwise(limits))
    if not limits or limits[0] != 0 or limits[-1] != total or any(a > b for a, b in pairs):
        raise RuntimeError(
            f"varlen_attn: {name} must rise from 0 to {total}, the number of tokens, got {limits}"
        )
    if any(stop - start > longest for start, stop in pairs):
        raise RuntimeError(
            f"varlen_attn: {name} has a sequence of more than {bound}={longest} tokens: {limits}"
        )
    return pairs


def _sequences(
    key: Tensor, value: Tensor, cu_seq_k: Tensor | None, max_k: int, seqused_k: Tensor | None,
    block_table: Tensor | None, count: int,
) -> list[tuple[Tensor, Tensor]]:  # fmt: skip
    """Keys and values of each sequence."""
    used = None if seqused_k is None else _numbers("seqused_k", seqused_k, 1)
    if block_table is not None:
        if used is None:
            raise RuntimeError("varlen_attn: block_table requires seqused_k")
        pages = _numbers("block_table", block_table, 2)
        sequences = [
            tuple(t[block_table[i].to(dtypes.int64)].flatten(0, 1) for t in (key, value))
            for i in range(len(pages))
        ]
    elif cu_seq_k is None:
        raise RuntimeError("varlen_attn: cu_seq_k may be None only with block_table")
    else:
        limits = _limits("cu_seq_k", cu_seq_k, key.shape[0], max_k, "max_k")
        sequences = [(key[start:stop], value[start:stop]) for start, stop in limits]
    for name, given in (("of keys", sequences), ("in seqused_k", sequences if used is None else used)):
        if len(given) != count:
            raise RuntimeError(f"varlen_attn: {count} sequences of queries but {len(given)} {name}")
    if used is None:
        return sequences  # type: ignore[return-value]
    for i, (n, (k, _)) in enumerate(zip(used, sequences, strict=True)):
        if not 0 <= n <= min(k.shape[0], max_k):
            raise RuntimeError(
                f"varlen_attn: seqused_k[{i}] is {n}, of {k.shape[0]} keys of the sequence and max_k={max_k}"
            )
    return [(k[:n], v[:n]) for n, (k, v) in zip(used, sequences, strict=True)]


def _mask(rows: int, keys: int, window: tuple[int, int], device: Device) -> tuple[Tensor | None, bool]:
    """Which keys are seen, where that is not all, and whether it is the mask of `is_causal`."""
    left, right = window
    if right == 0 and left < 0 and rows == keys:
        return None, True
    if left < 0 and right < 0:
        return None, False
    ahead: Any = arange(keys, device=device) - (arange(rows, device=device) + (keys - rows)).unsqueeze(-1)
    seen = ahead >= (-left if left >= 0 else -keys - rows)
    return (seen & (ahead <= right) if right >= 0 else seen)[None, None], False
