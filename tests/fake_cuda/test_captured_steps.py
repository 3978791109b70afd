"""Optimizer steps in a graph: one launch for all parameters, by a table that lives as long as the graph."""

from __future__ import annotations

import fake_gpu

library, gpu = fake_gpu.library, fake_gpu.gpu


def test_steps_are_captured_as_they_run(gpu) -> None:
    gpu(
        """
        import tritonnn as torch
        from tritonnn import cuda, optim
        CAPTURABLE = {"capturable": True}
        CASES = [("SGD", {"momentum": 0.9}), ("Adam", CAPTURABLE), ("AdamW", CAPTURABLE),
                 ("AdamW", {"fused": True, **CAPTURABLE}), ("Adamax", CAPTURABLE), ("Adadelta", CAPTURABLE),
                 ("RMSprop", CAPTURABLE), ("Rprop", CAPTURABLE)]
        for name, options in CASES:
            params = [torch.empty(n, device="cuda", requires_grad=True) for n in (5, 70000, 16, 1000, 3)]
            for p in params:
                p.grad = torch.empty_like(p)
            step = getattr(optim, name)(params, lr=0.1, **options).step
            step(), step()
            log()
            step()
            eager = [line.split(" stream=")[0] for line in log() if line.startswith("launch")]
            graphs = [cuda.CUDAGraph() for _ in range(2)]
            for graph in graphs:
                with cuda.graph(graph, pool=graphs[0].pool() if graph is graphs[1] else None):
                    step()
                text = log()
                captured = [line.split(" stream=")[0] for line in text if line.startswith("launch")]
                # every launch of the step, and nothing that a replay would do again: no copy of the table
                assert captured == eager and len(eager) == (1 if name == "SGD" else 2), (name, eager, captured)
                assert f"captured nodes={len(eager)}" in text, text
                uploads = [line for line in text if line.startswith("upload")]
                assert len(uploads) == (len(eager) if graph is graphs[0] else 0), uploads   # not on the captured stream
            held = rt.stats[0].allocated
            for graph in graphs:
                graph.replay()
                assert [line.split()[0] for line in log()] == ["replay"]
            for graph in graphs:
                graph.reset()
            assert rt.stats[0].allocated < held           # the tables went with the graphs
            log()
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )


def test_gradients_are_scaled_and_clipped_in_a_graph_as_without(gpu) -> None:
    gpu(
        """
        import tritonnn as torch
        from tritonnn import cuda
        params = [torch.empty(n, device="cuda", requires_grad=True) for n in (5, 70000, 16, 1000, 3)]
        for p in params:
            p.grad = torch.empty_like(p)
        def step():
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            torch.nn.utils.clip_grad_value_(params, 1.0)
        step(), step()
        log()
        step()
        eager = sum(line.startswith("launch") for line in log())
        with cuda.graph(cuda.CUDAGraph()):
            step()
        assert f"captured nodes={eager}" in log() and eager < 12, eager
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )
