"""Numbers that differ from call to call choose no binary: nothing is compiled for them, in a capture neither."""

from __future__ import annotations

import fake_gpu

library, gpu = fake_gpu.library, fake_gpu.gpu

CALLS = {
    "random._philox.randint_kernel": "torch.randint(k, 3 * k + 5, (100,), device='cuda')",
    "random._philox.bernoulli_kernel": "torch.bernoulli(half)",
    "random._philox.poisson_kernel": "torch.poisson(half)",
    "random._philox.fill_kernel": "torch.rand(100, device='cuda')",
    "random._philox.dropout_kernel": "torch.nn.functional.dropout(half, 1 / (k + 1.5))",
    "variates.gamma.gamma_kernel": "torch._standard_gamma(half)",
    "variates.binomial.binomial_kernel": "torch.binomial(half, half)",
    "attention._forward.attention_kernel": "attend(heads, heads, heads, dropout_p=1 / (k + 1.5))",
    "attention._backward_keys.keys_backward_kernel": "attend(leaf, leaf, leaf, None, 1 / (k + 1.5)).sum().backward()",
    "attention._backward_queries.queries_backward_kernel": (
        "attend(leaf, leaf, leaf, None, 1 / (k + 1.5)).sum().backward()"
    ),
    "creation.arange_kernel": "torch.arange(k, k + 13 * (k + 1), k + 1, device='cuda')",
    "scatter._entries.combine_kernel": "half.index_add(0, index, half[:1], alpha=k)",
    "linalg._kernels.gemm_loop_kernel": "torch.addmm(whole, whole, whole, alpha=k, beta=2 * k + 3)",
}


PREPARED = """
        import importlib
        import tritonnn as torch
        sampling = sys.modules["tritonnn.ops.random.sampling"]
        ever, sampling.ever = sampling.ever, lambda condition: False    # nothing runs here that would tell
        half, index = torch.full((100,), 0.5).cuda(), torch.zeros(1, dtype=torch.int64).cuda()
        whole = torch.ones(4, 4, dtype=torch.int64).cuda()
        attend, heads = torch.nn.functional.scaled_dot_product_attention, torch.ones(1, 2, 64, 64).cuda()
        leaf = heads.clone().requires_grad_()
"""


def test_one_binary_for_all_numbers(gpu) -> None:
    gpu(
        f"""
        {PREPARED}
        for name, call in {CALLS!r}.items():
            module, _, kernel = name.rpartition(".")
            kernel = getattr(importlib.import_module("tritonnn.kernels." + module), kernel)
            call = compile(call, "", "exec")
            for seed in (1, 16, 2**31, 2**32 + 1, 2**64 - 1):
                for k in (1, 2, 16, 17):
                    torch.manual_seed(seed)
                    for _ in range(3):                    # places in the stream are numbers too
                        exec(call)
            assert sum(len(kept[0]) for kept in kernel.device_caches.values()) == 1, name
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )


def test_what_was_called_once_can_be_captured_at_any_place(gpu) -> None:
    calls = [call for name, call in CALLS.items() if name.startswith(("random.", "variates."))]
    gpu(
        f"""
        {PREPARED}
        import triton
        from tritonnn import cuda
        def compiled(*args, **kwargs): raise AssertionError("compiled in a capture")
        for call in {calls!r}:
            call, k = compile(call, "", "exec"), 3
            exec(call)
            sampling.ever = ever
            with cuda.graph(cuda.CUDAGraph()):            # whose kernels read their place from memory
                exec(call)
            triton.knobs.runtime.jit_cache_hook = compiled
            for seed in (2, 16, 2**40, 2**63 + 1):
                torch.manual_seed(seed)
                graph = cuda.CUDAGraph()
                with cuda.graph(graph):
                    for _ in range(3):
                        exec(call)
                log()
                graph.replay()
                graph.replay()
                assert [line.split()[0] for line in log()] == ["upload", "replay"] * 2
            triton.knobs.runtime.jit_cache_hook, sampling.ever = None, lambda condition: False
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )
