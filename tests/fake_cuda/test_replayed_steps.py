"""Replays spend no Python on what they repeat: one call of the driver, the same Python calls whatever was captured."""

from __future__ import annotations

import fake_gpu

library, gpu = fake_gpu.library, fake_gpu.gpu

COUNTED = """
        import tritonnn as torch
        from tritonnn import cuda, nn
        warnings.simplefilter("ignore")

        def python_calls(work):
            calls = []
            def count(frame, event, argument):
                if event == "call":
                    calls.append(frame.f_code.co_name)
            sys.setprofile(count)
            work()
            sys.setprofile(None)
            return len(calls)

        def model(layers):
            parts = [m for _ in range(layers) for m in (nn.Linear(8, 8), nn.Dropout(0.5), nn.GELU())]
            return nn.Sequential(*parts).cuda()
"""


def test_a_captured_training_step_is_one_call_of_the_driver(gpu) -> None:
    gpu(
        f"""
        {COUNTED}
        found = []
        for layers in (1, 6):
            net = model(layers)
            optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, capturable=True)
            x = torch.empty(16, 8, device="cuda")
            def step():
                optimizer.zero_grad(set_to_none=True)
                net(x).square().sum().backward()
                optimizer.step()
            for _ in range(2):
                step()
            graph = cuda.CUDAGraph()
            log()
            with cuda.graph(graph):
                step()
            launches = sum(line.startswith("launch") for line in log())
            graph.replay()
            log()
            calls = python_calls(graph.replay)
            # the upload is the place of random numbers
            assert [line.split()[0] for line in log()] == ["upload", "replay"]
            found.append((launches, calls))
        (few, calls), (many, others) = found
        assert many > 4 * few and calls == others < 40, found
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )


def test_a_replay_without_random_numbers_is_a_few_python_calls(gpu) -> None:
    gpu(
        f"""
        {COUNTED}
        x = torch.empty(16, device="cuda")
        graph, y = cuda.CUDAGraph(), x.exp()
        with cuda.graph(graph):
            for _ in range(50):
                y = y.exp()
        graph.replay()
        log()
        calls = python_calls(graph.replay)
        assert calls <= 10, calls
        assert [line.split()[:2] for line in log()] == [["replay", "nodes=50"]]
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )


def test_graphed_callables_replay_forward_and_backward(gpu) -> None:
    gpu(
        f"""
        {COUNTED}
        found = []
        for layers in (1, 6):
            net, x = model(layers), torch.empty(16, 8, device="cuda")
            parameters = [p for layer in net for p in layer.parameters()][:2]     # as many whatever the depth
            for p in list(net.parameters())[2:]:
                p.requires_grad_(False)
            net = cuda.make_graphed_callables(net, (x,))
            grad = torch.empty(16, 8, device="cuda")
            def step():
                net(x).backward(grad)
            step(), step()
            log()
            inputs = len(list(net.parameters()))
            found.append((python_calls(step), inputs))
            text = [line.split()[0] for line in log()]
            assert text.count("replay") == 2, text
            # besides: the places of random numbers, the incoming gradient, and what is added to .grad
            assert text.count("launch") <= 4, text
        (calls, inputs), (others, more) = found
        assert others - calls <= 8 * (more - inputs), found       # of the parameters that are passed, not of the ops
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )
