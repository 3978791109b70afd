"""What PyTorch computes of types it else refuses, where there is nothing to compute or nothing to add up."""

from __future__ import annotations

from typing import Any

import pytest
from lines import hold

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])
KINDS = ("bool", "uint8", "int64", "complex64", "uint16", "float8_e5m2")
SOFTMAX = """
F.softmax(torch.zeros(0, dtype=kind), 0)
F.softmax(torch.zeros(0, 3, dtype=kind), 1)
F.softmax(torch.zeros(2, 0, dtype=kind), 0)
F.log_softmax(torch.zeros(0, 3, dtype=kind), 0)
torch.softmax(torch.zeros(2, 0, dtype=torch.float32), 1, dtype=kind)
torch.zeros(0, 3, dtype=kind).log_softmax(-1)
F.softmax(torch.zeros(0, 3, dtype=kind), 2)
F.softmax(torch.zeros(2, 3, dtype=kind), 2)
F.log_softmax(torch.zeros(2, 3, dtype=kind), 2)
torch.softmax(torch.zeros(2, 3, dtype=kind), -3)
F.softmax(torch.zeros((), dtype=kind), 1)
F.softmax(torch.ones(2, 3, dtype=kind), 1)
F.log_softmax(torch.ones(2, 3, dtype=kind), 1)
"""


@DEVICES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line", SOFTMAX.split("\n")[1:-1])
def test_softmax_of_nothing_is_nothing_of_any_type(line, kind, device):
    def names(library: Any) -> dict[str, Any]:
        return {"kind": getattr(library, kind)}

    hold(line, names, device)
