"""Ops that PyTorch refuses for truth values, and those it computes."""

from __future__ import annotations

import pytest
from programs import hold

LINES = """
t.argmax()
t.argmin()
t.argmax(1)
t.argmin(0, True)
t.argmax(3)
torch.argmax(t)
torch.tensor(True).argmax()
torch.tensor(True).argmin(0)
none.argmax()
none.argmax(1)
none.argmin(0)
t.kthvalue(1)
t.kthvalue(1, 0, True)
t.kthvalue(5)
t.kthvalue(1, 3)
none.kthvalue(1)
none.kthvalue(1, 0)
torch.tensor([True]).kthvalue(1)
torch.tensor(True).kthvalue(1)
torch.tensor(True).kthvalue(2)
t.median()
t.median(1)
t.median(3)
t.nanmedian()
t.nanmedian(1, True)
torch.tensor(True).median()
torch.tensor(True).median(0)
none.median()
none.nanmedian()
none.median(0)
none.median(1)
t.mode()
t.max(1)
t.min()
t.amax(0)
t.aminmax()
t.sort()
t.argsort()
t.topk(1)
t.cummax(0)
"""


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("line", LINES.split("\n")[1:-1])
def test_truth_values_are_ordered_where_pytorch_orders_them(line, device):
    def names(library):
        return {"t": library.tensor([[True, False], [False, True]]), "none": library.zeros(0, 3) > 0}

    hold(line, names, device)
