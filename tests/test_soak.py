"""Nothing that a training step makes is left behind: looked for with the cycle collector off."""

from __future__ import annotations

import pytest
from fuzz.soak import WORKLOADS, left

#: of caches that are still filling: an optimizer's programs by their numbers, its lists of tensors by their addresses
BOUNDED = {
    "tritonnn.cpu_fallback.optimizer._trace.Program", "tritonnn.runtime.pool.Block", "tritonnn.buffer.Buffer",
    "tritonnn.runtime.races.Use",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("device", ("cpu", "cuda"))
@pytest.mark.parametrize("name", WORKLOADS)
def test_no_objects_are_left(name: str, device: str) -> None:
    steps = 25 if device == "cpu" else 6
    result = left(WORKLOADS[name](device), steps)
    assert not result.in_circles, "objects that refer to each other in a circle"
    more = {kind for kind, count in result.more.items() if count >= steps // 2} - BOUNDED
    assert not more, "a list that grows"
