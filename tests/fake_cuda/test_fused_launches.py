"""Launches say whether products and sums are fused; the default of Triton 3.10 is not to."""

from __future__ import annotations

import fake_gpu
import pytest

library, gpu = fake_gpu.library, fake_gpu.gpu


@pytest.mark.parametrize("default", ["0", "1", ""])
def test_launches_do_not_depend_on_the_default(gpu, default: str) -> None:
    environment = {"TRITON_DEFAULT_FP_FUSION": default} if default else {}
    gpu(
        """
        import tritonnn as torch
        from tritonnn.kernels.random.random import fill_kernel
        from tritonnn.kernels.softmax import softmax_kernel
        fake.fake_parameters(8)
        torch.softmax(torch.ones(4, 100, device="cuda"), 1)
        torch.rand(100, device="cuda")
        made = lambda kernel: {b.metadata.enable_fp_fusion for kept in kernel.device_caches.values() for b in
                               kept[0].values()}
        assert made(softmax_kernel) == {True}, made(softmax_kernel)
        assert made(fill_kernel) == {False}, made(fill_kernel)
        """,
        **environment,
    )
