"""The real path of `tritonnn.cuda` on the fake driver: graphs, errors, ops and Triton's launcher."""

from __future__ import annotations

import textwrap
from pathlib import Path

import fake_gpu

library, gpu = fake_gpu.library, fake_gpu.gpu


def test_graph_capture_and_replay(gpu) -> None:
    gpu("""
        from tritonnn import cuda
        given = rt.allocate(4096, 0)
        rt.memset(given.ptr, 1, 4096)
        outside = rt.allocate(5 << 20, 0)
        place = outside.ptr
        captured = cuda.CUDAGraph()
        raises(RuntimeError, "non-default stream", captured.capture_begin)
        raises(RuntimeError, "without a preceding successful capture", captured.replay)
        log()
        with cuda.graph(captured):
            assert cuda.is_current_stream_capturing()
            made = rt.allocate(4096, 0)
            address = made.ptr
            rt.copy_device(made.ptr, given.ptr, 4096, 0, 0)
            temporary = rt.allocate(512, 0)
            del temporary, outside                        # a free must not be recorded
        assert not cuda.is_current_stream_capturing()
        text = log()
        start = next(i for i, line in enumerate(text) if line.startswith("capture "))
        end = next(i for i, line in enumerate(text) if line.startswith("captured"))
        assert text[end] == "captured nodes=1", text
        assert not any(line.startswith("free") for line in text[start:end]), text
        assert rt.allocate(5 << 20, 0).ptr == place       # cached meanwhile
        got = np.zeros(4096, np.uint8)
        for value in (3, 4):
            rt.memset(given.ptr, value, 4096)
            captured.replay()
            rt.download(got, made.ptr)
            assert (got == value).all()
        assert rt.allocate(4096, 0).ptr != address        # the graph's memory is its own
        captured.debug_dump(os.devnull)
        log()
        captured.reset()
        text = log()
        assert "graph destroy" in text and any(line.startswith("free bytes=512") for line in text), text
        del made
        assert any(line.startswith("free bytes=4096") for line in log())
        assert rt.stats[0].allocated == 4096
    """)


def test_memory_shared_with_other_libraries(gpu) -> None:
    gpu("""
        import tritonnn as torch
        x = torch.ones(2, 3, device="cuda").t()
        assert x.__dlpack_device__() == (2, 0)
        y = torch.from_dlpack(x)
        assert (y.data_ptr(), y.stride(), y.device) == (x.data_ptr(), (1, 3), x.device)
        what = x.__cuda_array_interface__
        assert what == dict(typestr="<f4", shape=(3, 2), strides=(4, 12), data=(x.data_ptr(), False), version=2)
        assert torch.ones(2, device="cuda", dtype=torch.bfloat16).__cuda_array_interface__["typestr"] == "<V2"
        raises(RuntimeError, "requires grad", lambda: x.clone().requires_grad_().__cuda_array_interface__)
        held = rt.stats[0].allocated
        del x
        assert rt.stats[0].allocated == held               # y looks at it still
        del y
        assert rt.stats[0].allocated < held
        side = torch.cuda.Stream()
        log()
        capsule = torch.ones(2, device="cuda").__dlpack__(stream=side.cuda_stream)
        assert any(" waits " in line for line in log())   # the consumer's stream waits for ours
    """)


def test_ops_launch_compiled_kernels_on_the_current_stream(gpu) -> None:
    gpu(
        """
        import tritonnn as torch
        x, y = torch.ones(1000).cuda(), torch.ones(1000).cuda()
        calls = {
            "add": lambda: x + y, "exp": lambda: torch.exp(x), "sum": lambda: x.sum(),
            "softmax": lambda: torch.softmax(x, 0), "rand": lambda: torch.rand(1000, device="cuda"),
        }
        for name, call in calls.items():
            call(), call()
            log()
            call()                                        # by now from the launch cache
            first = log()
            assert sum(line.startswith("launch") for line in first) >= 1, (name, first)
            assert all("stream=(nil)" in line for line in first), (name, first)
            side = torch.cuda.Stream()
            with torch.cuda.stream(side):
                call()
            launches = [line for line in log() if line.startswith("launch")]
            assert launches and all(hex(side.cuda_stream) in line for line in launches), (name, launches)
        assert "torch" not in sys.modules
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )


def test_the_launch_cache_passes_what_triton_passes(gpu) -> None:
    gpu(
        """
        import tritonnn as torch
        fake.fake_parameters(4)
        for shape in ((1000,), (16, 20), (7, 1, 3)):
            x, out = torch.ones(*shape).cuda(), torch.empty(*shape, device="cuda")
            for view, into in ((x, out), (x.transpose(0, -1), out.transpose(0, -1)), (x[:1], out[:1])):
                log()
                torch.exp(view, out=into)                 # compiled and launched by Triton
                torch.exp(view, out=into)                 # launched by us
                first, second = (line for line in log() if line.startswith("launch"))
                assert first == second, (first, second)
                pointers = first.split("device=0 ")[1].split()[:2]
                assert pointers == [hex(t.data_ptr() & 0xffffffff)[2:] for t in (into, view)], first
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )


def test_a_step_becomes_one_graph(gpu) -> None:
    gpu(
        """
        import tritonnn as torch
        from tritonnn import cuda
        x = torch.ones(1000).cuda().requires_grad_()
        def step():
            (torch.exp(x + torch.rand(1000, device="cuda")) * 2).sum().backward()
            x.grad = None
        for _ in range(2):
            step()
        graph = cuda.CUDAGraph()
        log()
        with cuda.graph(graph):
            step()
        nodes = next(line for line in log() if line.startswith("captured"))
        count = int(nodes.split("=")[1])
        assert count >= 6, nodes
        used = cuda.memory_allocated()
        log()
        graph.replay()
        text = log()
        assert [line.split()[0] for line in text] == ["upload", "replay"], text
        assert cuda.memory_allocated() == used
        offset = cuda.random.generator(0).get_offset()
        graph.replay()
        assert cuda.random.generator(0).get_offset() == offset + 1000
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )


def test_nothing_is_freed_while_the_process_ends(gpu) -> None:
    text = gpu("""
        from tritonnn import cuda
        graph = cuda.CUDAGraph()
        block = rt.allocate(1000, 0)
        with cuda.graph(graph):
            made = rt.allocate(1000, 0)
            rt.copy_device(made.ptr, block.ptr, 8, 0, 0)
        event = cuda.Event()
        event.record()
        pinned = rt.pinned_empty(100)
        rt.upload(block.ptr, pinned, non_blocking=True)
        cycle = [block, made, graph, event, pinned]
        cycle.append(cycle)
        import atexit
        atexit.register(lambda: fake.fake_log_clear())
        class Last:                                       # collected after everything else
            def __del__(self, log=fake.fake_log, write=os.write):
                write(1, log())
        sys.last_value = Last()
    """)
    assert not text, text


def test_driver_errors_name_call_and_cause(gpu) -> None:
    gpu("""
        from tritonnn.cuda import AcceleratorError
        rt.allocate(8, 0)
        message = raises(AcceleratorError, "invalid argument", lambda: rt.copy_device(16, 32, 8, 0, 0))
        assert "CUDA_ERROR_INVALID_VALUE" in message and "cuMemcpyDtoDAsync" in message
        assert issubclass(AcceleratorError, RuntimeError)
    """)


KERNEL = """
import triton, triton.language as tl
from tritonnn.dtypes import float32
from tritonnn.buffer import Buffer
from tritonnn.runtime.triton_driver import activate

@triton.jit
def double(p, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(p + at, tl.load(p + at, mask=at < n) * 2, mask=at < n)
"""


def test_triton_launches_on_the_current_stream_without_pytorch(gpu, tmp_path: Path) -> None:
    script = tmp_path / "kernel.py"  # Triton reads a kernel's source from its file
    script.write_text(
        fake_gpu.PRELUDE
        + KERNEL
        + textwrap.dedent("""
        block = rt.allocate(4096, 0)
        data = Buffer(block.ptr, (1024,), (1,), float32, None, block)
        activate()
        fake.fake_parameters(2)
        log()
        double[(4,)](data, 1000, BLOCK=256, enable_fp_fusion=True)
        side = rt.pooled_stream(0, 0)
        rt.set_stream(side, 0)
        double[(4,)](data, 1000, BLOCK=256, enable_fp_fusion=True)
        launches = [line for line in log() if line.startswith("launch")]
        low = hex(block.ptr & 0xffffffff)[2:]
        assert launches == [
            f"launch double grid=4,1,1 threads=128 stream=(nil) device=0 {low} 3e8",
            f"launch double grid=4,1,1 threads=128 stream={hex(side)} device=0 {low} 3e8",
        ], launches
        assert "torch" not in sys.modules
        from triton.runtime import driver
        from triton.testing import do_bench
        assert do_bench(lambda: double[(4,)](data, 1000, BLOCK=256, enable_fp_fusion=True), warmup=1, rep=2) > 0
        assert driver.active.get_current_target().arch == 90
        assert "torch" not in sys.modules
    """)
    )
    gpu(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", prelude="")


def test_products_describe_their_matrices_once(gpu) -> None:
    gpu(
        """
        import tritonnn as torch
        from tritonnn import cuda
        fake.fake_parameters(16)                          # three maps, each with two extents and two strides, and more
        make = lambda *shape: torch.empty(*shape, dtype=torch.bfloat16, device="cuda")
        a, b, out = make(2048, 1024), make(1024, 2048), make(2048, 2048)
        for x, y in ((a, b), (b.t(), b), (a, a.t())):
            seen = []
            for _ in range(3):
                log()
                torch.mm(x, y, out=out)
                seen.append([line for line in log() if "map" in line or line.startswith("launch")])
            maps = [line for line in seen[0] if "map" in line]
            assert len(maps) == 3 and [line.split()[2] for line in maps] == [
                f"ptr={hex(t.data_ptr())}" for t in (x, y, out)], seen
            assert len(seen[1]) == 4 and len(seen[2]) == 1, seen     # by Triton, by us, by us from what we kept
            assert seen[0][-1] == seen[1][-1] == seen[2][-1] and "persistent_gemm_kernel" in seen[0][-1], seen
        other = make(2048, 1024)
        log()
        torch.mm(other, b, out=out)
        text = log()
        assert [line.split()[2] for line in text if "map" in line] == [f"ptr={hex(other.data_ptr())}"], text
        assert not any(line.startswith("alloc") for line in text), text     # no scratch memory
        fake.fake_parameters(0)
        torch.mm(make(2048, 1022), make(1022, 2048), out=out)     # rows off the grid of 16 bytes
        text = log()
        assert not any("map" in line or "persistent" in line for line in text), text
        torch.mm(a, b, out=out)
        log()
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            torch.mm(a, b, out=out)
        assert "captured nodes=1" in log()
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )


def test_joining_compiles_once_for_all_lengths_and_alignments(gpu) -> None:
    gpu(
        """
        import tritonnn as torch
        from tritonnn.kernels.joining import cat_kernel
        wide = [torch.empty(64, 64, device="cuda") for _ in range(3)]
        fake.fake_parameters(12)
        for lengths in ((5, 1, 3), (16, 32, 1), (7, 48, 33)):
            for shift in range(4):
                parts = [t[:, shift * i : shift * i + n] for i, (t, n) in enumerate(zip(wide, lengths))]
                out = torch.empty(64, sum(lengths), device="cuda")
                log()
                torch.cat(parts, 1, out=out)
                torch.cat(parts, 1, out=out)
                first, second = (line for line in log() if line.startswith("launch"))
                assert first == second and "cat_kernel" in first, (first, second)
        assert sum(len(kept[0]) for kept in cat_kernel.device_caches.values()) == 1
    """,
        TRITON_DEFAULT_FP_FUSION="1",
    )
