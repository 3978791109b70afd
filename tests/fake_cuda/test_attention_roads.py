"""Attention's ways to a launch on the fake driver: the binary of each, kept plans, scratch memory, graphs."""

from __future__ import annotations

import fake_gpu

library, gpu = fake_gpu.library, fake_gpu.gpu


def test_ways_launch_by_plans_and_in_graphs(gpu) -> None:
    gpu(
        """
        warnings.simplefilter("ignore")
        import tritonnn as torch
        from tritonnn import cuda
        from tritonnn.kernels.attention import _forward_call
        from tritonnn.kernels.tables.attention_forward import Described
        from tritonnn.nn.attention.varlen import varlen_attn
        attend = torch.nn.functional.scaled_dot_product_attention

        def kernels(text):
            return [word for line in text if line.startswith("launch") for word in line.split() if "kernel" in word]

        def half(*shape):
            return torch.ones(*shape, dtype=torch.bfloat16, device="cuda")

        q, one, long = half(1, 4, 128, 64), half(1, 4, 1, 64), half(1, 2, 512, 64)
        starts = torch.tensor([0, 64, 128], dtype=torch.int32, device="cuda")
        packed = half(128, 4, 64)
        ways = {
            "described": (lambda: attend(q, q, q, is_causal=True), ["attention_kernel"]),
            "pointers": (lambda: attend(q[..., ::2], q[..., ::2], q, is_causal=True), ["attention_kernel"]),
            "parts": (lambda: attend(one, long, long, enable_gqa=True), ["part_kernel", "merge_parts_kernel"]),
            "packed": (lambda: varlen_attn(packed, packed, packed, starts, starts, 64, 64), ["attention_kernel"]),
        }
        for name, (call, wanted) in ways.items():
            for _ in range(3):  # noted, by its plan, and on other memory
                log()
                call()
                got = [kernel for kernel in kernels(log()) if "fill" not in kernel and "pointwise" not in kernel]
                assert got == wanted, (name, got)

        specialised = Described(128, 128, 4, 2, specialize=True)
        plain = _forward_call.Forward.choose
        _forward_call.Forward.choose = lambda self: specialised
        for _ in range(2):
            log()
            attend(half(1, 4, 128, 64), q, q)
            got = kernels(log())
            assert "specialised_attention_kernel" in got, got
        captured = cuda.CUDAGraph()
        with cuda.graph(captured):  # its descriptors lie in scratch memory, which the graph holds
            attend(q, q, q)
        captured.replay()
        _forward_call.Forward.choose = plain
    """,
        seconds=300,
        TRITON_DEFAULT_FP_FUSION="1",
    )
