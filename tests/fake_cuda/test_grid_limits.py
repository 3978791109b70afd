"""Grids: a driver refuses more than 65,535 programs along the second and third axis, whatever a tensor's extents are.

Nothing runs on the fake driver and its memory is never touched, so tensors with the extents that matter cost nothing.
"""

from __future__ import annotations

import fake_gpu
import pytest

library, gpu = fake_gpu.library, fake_gpu.gpu

LONG = "long = 65536"
CALLS = {
    "sparse": """
        n = long * 256 + 1
        pattern = torch.sparse_csr_tensor(torch.tensor([0, 1]), torch.tensor([0]), torch.ones(1), (1, 1)).cuda()
        torch.mm(pattern, make(1, n))
    """,
    "sampling": """
        torch.nn.functional.grid_sample(make(1, long * 16 + 1, 1, 1), make(1, 1, 1, 2), align_corners=False)
    """,
    "sums by index": """
        make(2, long * 64 + 1).index_add_(0, torch.tensor([0, 1]).cuda(), make(2, long * 64 + 1))
    """,
    "embedding": """
        n = long * 1024 + 1
        table = make(1, n, dtype=torch.bfloat16).requires_grad_()
        index = torch.zeros(1, dtype=torch.int64).cuda()
        y = torch.nn.functional.embedding(index, table)
        torch.autograd.grad(y, table, torch.empty_like(y))
        torch.nn.functional.embedding_bag(index, table.detach(), index)
    """,
    "ctc": """
        x = make(1, 1, long * 128 + 1).requires_grad_()
        one = torch.ones(1, dtype=torch.int64)
        loss = torch.nn.functional.ctc_loss(x, one[None].cuda(), one.cuda(), one.cuda(), reduction="sum")
        torch.autograd.grad(loss, x)
    """,
    "regions": """
        from tritonnn.vision import ops
        x = make(1, long * 64, 1, 1).requires_grad_()
        regions = torch.tensor([[0.0, 0, 0, 1, 1]]).cuda()
        for pool in (ops.roi_align, ops.roi_pool, ops.ps_roi_align, ops.ps_roi_pool):
            y = pool(x, regions, (1, 1))
            torch.autograd.grad(y, x, torch.empty_like(y))
    """,
    "moved taps": """
        from tritonnn.vision import ops
        for groups, channels in ((1, long * 8 + 1), (long, long)):
            x, offset = make(1, channels, 1, 1), make(1, 2 * groups, 1, 1).requires_grad_()
            y = ops.deform_conv2d(x, offset, make(1, channels, 1, 1))
            torch.autograd.grad(y, offset, torch.empty_like(y))
    """,
    "scans": """
        torch.logcumsumexp(make(1, long * 512 + 1), 1)
    """,
}


@pytest.mark.parametrize("family", CALLS)
def test_no_extent_makes_a_grid_too_long(gpu, family: str) -> None:
    gpu(
        f"""
        import tritonnn as torch
        make = lambda *shape, dtype=torch.float32: torch.empty(*shape, dtype=dtype, device="cuda")
        {LONG}
        {CALLS[family]}
        launches = [line.split() for line in log() if line.startswith("launch")]
        assert launches
        # the limit was in reach: as many programs as the fold is for
        assert max(int(n) for line in launches for n in line[2].removeprefix("grid=").split(",")) > 2**15, launches
    """,
        FAKE_CUDA_MEMORY=str(1 << 36),
    )


def test_the_driver_refuses_grids_that_are_too_long(gpu) -> None:
    gpu("""
        import tritonnn as torch
        from tritonnn.kernels.launch.launch import launch
        from tritonnn.kernels.optimizer.optimizer import count_kernel
        step = torch.zeros((), device="cuda")._buf
        launch(count_kernel, (2**31 - 1, 65535, 65535), step, None)
        for grid in ((2**31,), (1, 65536), (1, 1, 65536)):
            raises(Exception, "", lambda: launch(count_kernel, grid, step, None))
        assert sum(line.startswith("launch") for line in log()) == 1
    """)
