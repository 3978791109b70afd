"""Samples made of an op's own ones: special values in the place of its numbers, and unusual shapes.

Nothing here is said per op. `SpecialMake` builds the tensors of a sample with NaN, infinities, signed zeros,
subnormal and largest numbers, ties or the ends of an integer's range among them, in a pattern that is the same in
every run; `reshaped` makes the 0-d, the one-element and the empty call of a sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from support import Make, mapped

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import Op, Sample


def _spread(values: np.ndarray, specials: list[float], every: int, shift: int) -> np.ndarray:
    """`values` with every few elements replaced by the specials in turn; the last element where there are few."""
    flat = values.reshape(-1).copy()
    places = np.arange(min(shift % every, max(flat.size - 1, 0)), flat.size, every)
    flat[places] = np.resize(np.asarray(specials, flat.dtype), places.size)
    return flat.reshape(values.shape)


def _smallest(dtype: Any) -> list[float]:
    info = ml_dtypes.finfo(dtype.np)
    return [float(info.smallest_subnormal), float(info.tiny), -float(info.smallest_subnormal)]


def _largest(dtype: Any) -> list[float]:
    largest = float(ml_dtypes.finfo(dtype.np).max)
    return [largest, -largest]


INF, NAN = float("inf"), float("nan")
# kind -> the numbers that stand among the sample's own, given the dtype; and how far apart
VALUES: dict[str, tuple[Callable[[Any], list[float]], int]] = {
    "nan": (lambda dtype: [NAN], 5),
    "infinite": (lambda dtype: [INF, INF, -INF], 4),
    "zeros": (lambda dtype: [-0.0, 0.0], 2),
    "smallest": (_smallest, 2),
    "largest": (_largest, 3),
    "mixed": (lambda dtype: [NAN, INF, -0.0, -INF, *_smallest(dtype), *_largest(dtype), 1.0, 0.0], 1),
}
KINDS = (*VALUES, "ties", "limits")


class SpecialMake(Make):
    """Builds a sample's tensors with special values of one kind."""

    def __init__(self, op: str, device: str, dtype: Any, kind: str) -> None:
        super().__init__(op, device, dtype)
        self.kind = kind
        self.count = 0

    def __call__(self, *shape: Any, dtype: Any = None, **limits: Any) -> Tensor:
        plain = super().__call__(*shape, dtype=dtype, **limits)
        self.count += 1
        dtype = plain.dtype
        if dtype.is_floating_point and self.kind != "limits":
            values = plain.cpu().double().numpy()
            if self.kind == "ties":
                special = np.asarray(np.round(values))
            else:
                specials, every = VALUES[self.kind]
                special = _spread(values, specials(dtype), every, 2 * self.count)
            return torch.from_numpy(special.astype(dtype.np)).to(self.device)
        if dtype.kind == 1 and self.kind == "limits":
            info = np.iinfo(dtype.np)
            special = _spread(plain.cpu().numpy(), [info.min, info.max, 0], 2, self.count)
            return torch.from_numpy(special).to(self.device)
        return plain


def special_samples(op: Op, device: str, dtype: Any, kind: str, first_only: bool = False) -> list[Sample]:
    """The op's samples with special values of a kind, in every tensor or in the first argument only."""
    special = list(op.samples(SpecialMake(op.name, device, dtype, kind)))
    if not first_only:
        return special
    plain = op.samples(Make(op.name, device, dtype))
    return [Sample(s.args[0], *p.args[1:], **p.kwargs) for s, p in zip(special, plain, strict=True)]


SHAPES: dict[str, Callable[[Tensor], Tensor]] = {
    "0-d": lambda t: t.reshape(-1)[0] if t.numel() else t.new_zeros(()),
    "one": lambda t: t.reshape(-1)[:1].reshape((1,) * len(t.shape)) if t.numel() else t,
    "no rows": lambda t: t[:0] if t.shape else t,
    "no columns": lambda t: t[..., :0] if t.shape else t,
}


def reshaped(op: Op, device: str, dtype: Any, kind: str) -> list[Sample]:
    """The op's samples with every tensor cut down to an unusual shape."""
    change = SHAPES[kind]
    return [
        mapped(s, lambda t: change(t).contiguous().clone()) for s in op.samples(Make(op.name, device, dtype))
    ]
