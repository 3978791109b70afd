"""Grids whose second axis is too long for a GPU go on along the third: the same results, and nothing past the ends."""

from __future__ import annotations

import pytest

import tritonnn as torch
from tritonnn.kernels.device import strided
from tritonnn.nn import functional as F
from tritonnn.vision import ops


@pytest.mark.parametrize("second", [0, 1, 65535, 65536, 131071, 2**31])
def test_all_programs_are_in_a_folded_grid(second):
    x, y, z = strided.folded(7, second)
    assert x == 7 and y * z >= second and max(y, z) <= 65535
    assert y * z - second < z  # few that have nothing to do
    assert z == 1 or second > 65535


def _embedding(device):
    table = torch.rand(5, 3000, device=device).requires_grad_()
    index = torch.tensor([[1, 4, 1], [0, 1, 1]], device=device)
    y = F.embedding(index, table)
    bags = F.embedding_bag(index, table, mode="mean")
    (y * y).sum().backward()
    return y, bags, table.grad


def _ctc(device):
    x = torch.rand(4, 2, 300, device=device).log_softmax(2).requires_grad_()
    targets = torch.tensor([[3, 7], [299, 1]], device=device)
    F.ctc_loss(x, targets, torch.tensor([4, 3]), torch.tensor([2, 1]), reduction="sum").backward()
    return (x.grad,)


def _regions(device):
    regions = torch.tensor([[0.0, 1, 1, 6, 5], [1, 0, 2, 4, 7]], device=device)
    results = []
    for pool, channels in (
        (ops.roi_align, 36),
        (ops.roi_pool, 36),
        (ops.ps_roi_align, 54),
        (ops.ps_roi_pool, 54),
    ):
        x = torch.rand(2, channels, 8, 8, device=device).requires_grad_()
        y = pool(x, regions, (3, 3) if channels == 54 else (9, 7))
        (y * y).sum().backward()
        results += [y, x.grad]
    return results


def _moved_taps(device):
    x = torch.rand(1, 18, 5, 4, device=device).requires_grad_()
    offset = torch.rand(1, 2 * 2 * 4, 4, 3, device=device).requires_grad_()
    mask = torch.rand(1, 2 * 4, 4, 3, device=device).requires_grad_()
    y = ops.deform_conv2d(x, offset, torch.rand(3, 18, 2, 2, device=device), mask=mask)
    (y * y).sum().backward()
    return y, x.grad, offset.grad, mask.grad


CALLS = {
    "embedding": _embedding,
    "ctc": _ctc,
    "regions": _regions,
    "moved taps": _moved_taps,
    "sparse": lambda device: [
        torch.sparse.mm(torch.eye(3, device=device).to_sparse_csr(), torch.rand(3, 600, device=device))
    ],
    "sampling": lambda device: [
        F.grid_sample(
            torch.rand(1, 40, 4, 4, device=device), torch.rand(1, 3, 3, 2, device=device), align_corners=False
        )
    ],
    "sums by index": lambda device: [
        torch.zeros(3, 300, device=device).index_add(
            0, torch.tensor([2, 0, 2, 2], device=device), torch.rand(4, 300, device=device)
        )
    ],
    "scans": lambda device: [torch.rand(3, 6000, device=device).logcumsumexp(1)],
}


@pytest.mark.parametrize("family", CALLS)
def test_a_folded_grid_gives_the_same(family, monkeypatch, forget_launches):
    def run(device):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            return CALLS[family](device)

    whole = run("cuda")
    forget_launches()
    grids = []
    folded = strided.folded
    monkeypatch.setattr(strided, "MOST_PROGRAMS", 2)
    for name in ("sparse", "resampling", "scatter._entries", "embedding.embedding", "loss.ctc", "vision.roi_align",
                 "vision.roi_pool", "vision.deform_conv"):  # fmt: skip
        module = __import__(f"tritonnn.kernels.{name}", fromlist=["folded"])
        monkeypatch.setattr(module, "folded", lambda *n: grids.append(folded(*n)) or grids[-1])
    parts = run("cuda")
    assert family == "scans" or any(z > 1 for _, _, z in grids)
    for one, other, expected in zip(whole, parts, run("cpu"), strict=True):
        assert torch.equal(one, other)
        torch.testing.assert_close(other.cpu(), expected, rtol=1e-4, atol=1e-5)
