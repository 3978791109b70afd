"""Tables of many tensors: what can be seen as flat memory, and the parts of tensors that programs take."""

from __future__ import annotations

import numpy as np
import pytest
from buffers import buffer

from tritonnn.kernels._tensor_lists import chunks_of, elements


def test_programs_take_the_parts_of_tensors_in_order():
    counts, chunk = [5, 0, 8, 1, 17], 4
    wanted = [(i, part) for i, n in enumerate(counts) for part in range(-(-n // chunk))]
    table, first = chunks_of(counts, chunk)
    assert table.reshape(-1, 2).tolist() == [list(pair) for pair in wanted]
    assert first.tolist() == [0, 2, 2, 4, 5]
    assert chunks_of([0], chunk)[0].size == 0


@pytest.mark.parametrize(
    ("arrays", "count"),
    [
        ([np.zeros((3, 4)), np.zeros((3, 4))], 12),
        ([np.zeros((3, 4)).T, np.zeros((3, 4)).T], 12),  # dense, in one order
        ([np.zeros((3, 4)).T, np.zeros((4, 3))], None),  # dense, in two orders
        ([np.zeros((3, 8))[:, ::2], np.zeros((3, 8))[:, ::2]], None),
        ([np.broadcast_to(np.zeros(4), (3, 4))] * 2, None),
        ([np.zeros(()), np.zeros(())], 1),
        ([np.zeros((0, 4)), np.zeros((0, 4))], 0),
        ([np.zeros((2, 2), np.complex64)] * 2, None),
    ],
)
def test_what_is_flat_memory_as_it_is(arrays, count):
    assert elements(tuple(buffer(a) for a in arrays)) == count


def test_a_single_number_beside_the_tensors_may_lie_anywhere():
    row = (buffer(np.zeros((3, 4))), buffer(np.zeros((3, 4))), buffer(np.zeros(())))
    assert elements(row, single=2) == 12
    assert elements(row) is None
