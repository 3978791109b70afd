"""Normalisation, attention and dropout."""

from __future__ import annotations

from typing import Any

from tritonnn._levels import UNBATCHED_STATISTICS, Batched
from tritonnn._tensor import Tensor
from tritonnn.batching.calls import Call, again, rule
from tritonnn.batching.values import front, moved
from tritonnn.ops.random.dropout import native_dropout
from tritonnn.ops.shape.shape import expand_as_size, view_as_size, view_or_copy

# ---- normalisation of rows and of groups --------------------------------------------------------------------


@rule("native_layer_norm", "fused_rms_norm")
def rows(c: Call) -> Any:
    """Rows are normalised by themselves; what differs by sample is applied afterwards."""
    x, shape, *scales, eps = c.args
    x = front(x, c.flags[0], c.size)
    if not any(c.flags[2:]):
        return again(c.op, (x, shape, *scales, eps))
    result, *statistics = again(c.op, (x, shape, *[None] * len(scales), eps))
    lead = (1,) * (len(x._shape) - 1 - len(shape))
    lined = [
        view_as_size(s, (c.size, *lead, *shape)) if flag else s
        for s, flag in zip(scales, c.flags[2:-1], strict=True)
    ]
    return _scaled(result, *lined), *statistics


def _scaled(result: Tensor, weight: Tensor | None, bias: Tensor | None = None) -> Tensor:
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


@rule("native_group_norm")
def grouped(c: Call) -> Any:
    """The groups of all samples are one batch."""
    x, groups, weight, bias, eps = c.args
    x = front(x, c.flags[0], c.size)
    flat = view_or_copy(x, (x._shape[0] * x._shape[1], *x._shape[2:]))
    own = c.flags[2] or c.flags[3]
    results = again(c.op, (flat, groups, *((None, None) if own else (weight, bias)), eps))
    result, *statistics = [view_as_size(r, (c.size, x._shape[1], *r._shape[1:])) for r in results]
    if own:
        ones = (1,) * (len(x._shape) - 3)
        lined = [
            None if s is None else view_as_size(s, ((c.size if flag else 1), 1, x._shape[2], *ones))
            for s, flag in zip((weight, bias), c.flags[2:4], strict=True)
        ]
        result = _scaled(result, *lined)
    return result, *statistics


@rule("native_batch_norm")
def channels(c: Call) -> Any:
    """The channels of all samples are those of one batch; running statistics must be samples' own to be moved."""
    x, weight, bias, mean, var, training, momentum, eps = c.args
    for running, flag in ((mean, c.flags[3]), (var, c.flags[4])):
        if training and running is not None and c.flags[0] and not flag:
            raise RuntimeError(UNBATCHED_STATISTICS)
    x = front(x, c.flags[0], c.size)
    count = x._shape[2]
    wide = moved(x, 0, 1)
    wide = view_or_copy(wide, (wide._shape[0], c.size * count, *wide._shape[3:]))
    each = [
        _repeated(t, flag, c.size) for t, flag in zip((weight, bias, mean, var), c.flags[1:5], strict=True)
    ]
    result, *statistics = again(c.op, (wide, *each, training, momentum, eps))
    result = view_as_size(result, (result._shape[0], c.size, count, *result._shape[2:]))
    if training:
        for running, moved_on, flag in ((mean, each[2], c.flags[3]), (var, each[3], c.flags[4])):
            if running is not None and moved_on is not None:
                new = view_as_size(moved_on, (c.size, count)).detach()
                running.detach().copy_(
                    new if flag else new[0]
                )  # of one input for all: each sample moves it alike
    return moved(result, 1, 0), *[view_as_size(s, (c.size, count)) for s in statistics]


def _repeated(value: Tensor | None, flag: bool, size: int) -> Tensor | None:
    if value is None:
        return None
    return view_or_copy(front(value, flag, size), (size * value._shape[-1],)).contiguous()


# ---- attention ----------------------------------------------------------------------------------------------


@rule("attention")
def attention(c: Call) -> Any:
    """The heads of all samples are those of one batch."""
    query, key, value, mask, *rest = c.args
    folded = []
    for tensor, flag in zip((query, key, value), c.flags[:3], strict=True):
        tensor = front(tensor, flag, c.size)
        folded.append(view_or_copy(tensor, (c.size * tensor._shape[1], *tensor._shape[2:])))
    if mask is not None:
        batch, heads, length = (c.given[0]._shape[0], *folded[0]._shape[1:3])
        mask = front(mask, c.flags[3], c.size)
        ones = (1,) * (5 - len(mask._shape))
        mask = view_as_size(mask, (c.size, *ones, *mask._shape[1:]))
        mask = expand_as_size(mask, (c.size, batch, heads, length, folded[1]._shape[2]))
        mask = view_or_copy(mask, (c.size * batch, *mask._shape[2:]))
    result, logsumexp = again(c.op, (*folded, mask, *rest))
    return tuple([view_as_size(r, (c.size, -1, *r._shape[1:])) for r in (result, logsumexp)])


# ---- dropout ------------------------------------------------------------------------------------------------


@rule("native_dropout")
def dropout(c: Call) -> Any:
    """A mask for all samples where they may differ, else one that is the same for them."""
    x, p, seed, offset = c.args
    if _randomness(c) != "same":
        return tuple(native_dropout(x, p, seed, offset))
    ones = x.new_ones(x._shape[1:])
    if ones.__class__ is Batched:
        ones = x.detach().select(0, 0).new_ones(x._shape[1:])
    scale, mask = native_dropout(ones, p, seed, offset)
    return x * scale, front(mask, False, c.size)


def _randomness(c: Call) -> str:
    """What the innermost `vmap` of the operands allows; `below` has taken it off the stack."""
    from tritonnn.batching.chance import allowed

    return allowed(max([v.level for v in c.given if v.__class__ is Batched]))
