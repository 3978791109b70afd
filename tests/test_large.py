"""Tensors of more than 2^31 elements: indices that 32 bits do not hold. Takes minutes and 8 GiB: `make large`.

The kernels' arithmetic of offsets is tested by tests/kernels/test_wide_offsets.py, with strides instead of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tritonnn as torch

pytestmark = [pytest.mark.large, pytest.mark.timeout(600)]
N = 2**31 + 8
LAST = N - 1


@pytest.fixture(scope="module")
def line() -> Iterator[Any]:
    """Zeros, but 1 at the end, and 2 at the first place that an int32 does not count."""
    x = torch.zeros(N, dtype=torch.uint8)
    x[LAST] = 1
    x[2**31] = 2
    yield x


CASES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "numel": (lambda x: x.numel(), N), "sum": (lambda x: x.sum().item(), 3),
    "count_nonzero": (lambda x: x.count_nonzero().item(), 2), "max": (lambda x: x.max().item(), 2),
    "argmax": (lambda x: x.argmax().item(), 2**31), "any": (lambda x: x[2**31 + 1 :].any().item(), True),
    "nonzero": (lambda x: x.nonzero().flatten().tolist(), [2**31, LAST]),
    "a subscript": (lambda x: x[-1].item(), 1), "a slice": (lambda x: x[2**31 :: 7].tolist(), [2, 1]),
    "an index tensor": (lambda x: x[torch.tensor([0, LAST, 2**31])].tolist(), [0, 1, 2]),
    "index_select": (lambda x: x.index_select(0, torch.tensor([LAST, 5])).tolist(), [1, 0]),
    "take": (lambda x: x.take(torch.tensor([2**31])).tolist(), [2]),
    "gather": (lambda x: x.gather(0, torch.tensor([LAST, 2**31])).tolist(), [1, 2]),
    "a comparison": (lambda x: (x == 2)[2**31 - 1 : 2**31 + 2].tolist(), [False, True, False]),
    "masked_select": (lambda x: x[x > 0].tolist(), [2, 1]), "addition": (lambda x: (x + 1)[-2:].tolist(), [1, 2]),
    "a clone": (lambda x: x.clone()[2**31].item(), 2), "a cast": (lambda x: x.to(torch.bool).sum().item(), 2),
    "flip": (lambda x: x.flip(0)[[0, 7]].tolist(), [1, 2]), "roll": (lambda x: x.roll(1)[[0, -7]].tolist(), [1, 2]),
    "where": (lambda x: torch.where(x > 1, x, 5)[[0, 2**31]].tolist(), [5, 2]),
    "cat": (lambda x: torch.cat([x[:4], x])[-1].item(), 1),
    "two dimensions": (lambda x: x.view(8, -1).sum(1).tolist(), [0] * 7 + [3]),
    "a transposed sum": (lambda x: x.view(-1, 8).t().sum(1).tolist(), [2, 0, 0, 0, 0, 0, 0, 1]),
    "fill": (lambda x: torch.zeros_like(x).fill_(3)[-1].item(), 3),
    "a write": (lambda x: x.clone().index_fill_(0, torch.tensor([LAST]), 9)[-1].item(), 9),
    "topk": (lambda x: x[2**30 :].topk(2).indices.add(2**30).tolist(), [2**31, LAST]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_beyond_32_bits(name: str, line: Any) -> None:
    run, expected = CASES[name]
    assert run(line) == expected
