"""The dtype that `tensor` and `as_tensor` infer from sequences with NumPy's arrays and scalars in them, and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_ops import outcome

import tritonnn

DATA = """
[np.float32(1)]
[np.float32(1), np.float64(2)]
[np.float64(1e300)]
[1, np.float32(2)]
[np.float32(2), 1.5]
[1.5, np.float64(2)]
[1, np.float64(2)]
[np.float16(1), 1.5]
[[np.float16(1)], [np.float32(2)]]
[np.int32(1), 2]
[np.int32(1), 2.5]
[True, np.int8(1)]
[[np.uint8(3)]]
[np.bool_(True)]
[np.complex64(1)]
[np.complex64(1), 1.0]
np.float64(2)
[np.array([1, 2], 'i2'), [3, 4]]
[[1, 2.5], np.array([1, 2], 'i4')]
[np.ones(2, 'f4'), np.ones(2, 'f8')]
(np.ones((2, 2), 'u1'), np.ones((2, 2), 'f2'))
[np.array([])]
[np.zeros((2, 0), 'i4')]
[np.array([1], '>i4')]
[torch.tensor(1, dtype=torch.int16)]
[torch.tensor(1.0, dtype=torch.float64), 1]
[1, torch.tensor(2, dtype=torch.int8)]
[1, 2.5]
[True, 2]
[1, 2.5, 1j]
[]
"""


@pytest.mark.parametrize("maker", ["tensor", "as_tensor"])
@pytest.mark.parametrize("data", DATA.strip().splitlines())
def test_inferred(data: str, maker: str) -> None:
    def run(torch: Any) -> Any:
        return outcome(lambda: getattr(torch, maker)(eval(data, {"np": np, "torch": torch})))

    got, wanted = run(tritonnn), run(reference)
    assert (str(got.dtype), got.tolist()) == (str(wanted.dtype), wanted.tolist())
