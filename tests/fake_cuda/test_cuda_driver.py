"""The real path of `tritonnn.cuda` on the fake driver: starting, memory, copies, streams, processes."""

from __future__ import annotations

from pathlib import Path

import fake_gpu

library, nvml, gpu = fake_gpu.library, fake_gpu.nvml, fake_gpu.gpu


def test_starts_lazily_and_copies_both_ways(gpu) -> None:
    gpu("""
        assert not rt.is_initialized() and not rt.simulated
        assert not [line for line in log() if line.startswith(("pool", "stream"))]
        block = rt.allocate(4000, 0)
        assert rt.is_initialized() and block.nbytes == 4000 and block.ptr
        given = np.arange(1000, dtype=np.float32)
        rt.upload(block.ptr, given)
        got = np.zeros_like(given)
        rt.download(got, block.ptr)
        assert (got == given).all()
        rt.memset(block.ptr, 1, 4000)
        rt.download(got, block.ptr)
        assert got.view(np.uint8).min() == got.view(np.uint8).max() == 1
        other = rt.allocate(4000, 0)
        rt.copy_device(other.ptr, block.ptr, 4000, 0, 0)
        rt.download(given, other.ptr)
        assert (given == got).all()
        text = log()
        assert "pool attribute=4 value=ffffffffffffffff" in text, text  # the release threshold
        assert text.count("synchronize stream=(nil)") == 3, text  # only downloads wait
    """)


def test_properties_and_capability_check(gpu) -> None:
    gpu("""
        from tritonnn import cuda
        found = cuda.get_device_properties(0)
        assert (found.name, found.major, found.minor) == ("Fake GPU 0", 9, 0)
        assert found.multi_processor_count == 132 and found.total_memory == 1 << 30
        assert cuda.get_device_capability() == (9, 0) and cuda.get_arch_list() == ["sm_90"]
        assert cuda.is_bf16_supported() and cuda.is_tf32_supported()
        raises(AssertionError, "Invalid device id", lambda: cuda.get_device_name(4))
    """)


def test_too_old_a_gpu_is_refused(gpu) -> None:
    gpu(
        """
        raises(RuntimeError, "compute capability 7.5", lambda: rt.allocate(8, 0))
        raises(RuntimeError, "8.0 (Ampere) or newer", lambda: rt.allocate(8, 0))
    """,
        FAKE_CUDA_CAPABILITY="75",
    )


def test_no_device_and_wrong_index(gpu) -> None:
    gpu(
        """
        from tritonnn import cuda
        assert not cuda.is_available() and cuda.device_count() == 0
        raises(RuntimeError, "No CUDA GPUs are available", cuda.init)
        raises(RuntimeError, "No CUDA GPUs are available", cuda.current_device)
    """,
        FAKE_CUDA_DEVICES="0",
    )
    gpu(
        """
        from tritonnn import cuda
        message = raises(RuntimeError, "invalid device ordinal", lambda: rt.allocate(8, 2))
        assert "cuda:2" in message and "devices 0 to 1" in message
        raises(RuntimeError, "invalid device ordinal", lambda: cuda.set_device(5))
        cuda.set_device(-1)
        assert cuda.current_device() == 0
    """,
        FAKE_CUDA_DEVICES="2",
    )


def test_no_driver(gpu, tmp_path: Path) -> None:
    script = """
        from tritonnn import cuda
        assert not cuda.is_available() and cuda.device_count() == 0
        for call in (cuda.init, cuda.current_device, lambda: cuda.set_device(0), lambda: cuda.Stream()):
            try:
                call()
            except RuntimeError as error:
                assert "Found no NVIDIA driver" in str(error) and "TRITON_INTERPRET=1" in str(error)
            else:
                raise AssertionError(call)
        cuda.empty_cache()
        assert cuda.memory_allocated() == 0
    """
    gpu(script, prelude="", folder=tmp_path)


def test_small_blocks_are_reused_without_the_driver(gpu) -> None:
    gpu("""
        first = rt.allocate(1000, 0)
        address = first.ptr
        del first
        log()
        again = rt.allocate(900, 0)
        assert again.ptr == address and log() == []
        large = rt.allocate(3 << 20, 0)
        place = large.ptr
        del large
        assert [line.split()[0] for line in log()] == ["alloc"]
        large = rt.allocate((3 << 20) - (1 << 18), 0)     # an eighth less, and a little
        assert large.ptr == place and log() == []
        del large
        stats = rt.stats[0]
        assert stats.allocated == 1024 and stats.allocated_peak == 1024 + (3 << 20)
        assert rt.reserved(0) == (1024 + (3 << 20), 1024 + (3 << 20))
        rt.empty_cache()
        assert rt.reserved(0)[0] == 1024
        rt.reset_peak(0)
        assert rt.reserved(0)[1] == 1024 and stats.allocated_peak == 1024
    """)


def test_large_blocks_fit_and_are_no_more_than_was_in_use(gpu) -> None:
    gpu("""
        from tritonnn import cuda
        MB = 1 << 20
        blocks = [rt.allocate(n * MB, 0) for n in (16, 4, 8, 12)]
        places = [block.ptr for block in blocks]
        del blocks[:]
        log()
        second = rt.allocate(8 * MB - 512, 0)             # the smallest that is large enough
        assert second.ptr == places[2] and second.nbytes == 8 * MB - 512 and log() == []
        assert rt.stats[0].allocated == 8 * MB
        third = rt.allocate(6 * MB, 0)                    # all others are too small or much too large
        assert third.ptr not in places and len(log()) == 1
        with cuda.stream(cuda.Stream()):
            other = rt.allocate(16 * MB, 0)               # of another stream
            assert other.ptr not in places
        assert rt.reserved(0)[0] == rt.stats[0].reserved == (40 + 6 + 16) * MB
        del second, third, other                          # more than the 40 that were in use at once
        assert rt.reserved(0)[0] == 62 * MB and rt.stats[0].reserved <= 40 * MB    # the driver's pool has the rest
        log()
        for n in range(17, 40):                           # sizes that never come back
            rt.allocate(n * MB, 0)
        assert rt.stats[0].reserved - rt.stats[0].allocated <= 40 * MB
        frees = [line for line in log() if line.startswith("free")]
        assert frees
        rt.empty_cache()
        assert rt.stats[0].reserved == rt.reserved(0)[0] == 0
    """)


def test_a_step_of_large_blocks_calls_the_driver_once(gpu) -> None:
    gpu("""
        import tritonnn as torch
        x = torch.empty(1 << 20, device="cuda").requires_grad_()
        def step():
            (torch.exp(x) * x + x[: 1 << 19].sin().sum()).sum().backward()
            x.grad = None
        step(), step()
        before = rt.stats[0].device_takes
        log()
        for _ in range(5):
            step()
        assert {line.split()[0] for line in log()} <= {"launch", "fill", "copy"}
        assert rt.stats[0].device_takes == before
    """)


def test_out_of_memory_frees_the_cache_then_explains(gpu) -> None:
    gpu(
        """
        kept = [rt.allocate(1 << 19, 0) for _ in range(4)]
        kept[1].op = "linear"
        spare = [rt.allocate(1 << 18, 0) for _ in range(4)]
        del spare
        log()
        fits = rt.allocate((6 << 20) - (1 << 18), 0)      # only once the cached megabyte has gone back
        text = log()
        assert sum(line.startswith("free") for line in text) == 4, text
        assert "trim device=0" in text and text[-1].startswith("alloc")
        assert rt.stats[0].retries == 1 and rt.stats[0].ooms == 0
        message = raises(OutOfMemoryError, "Tried to allocate 1.00 MiB", lambda: rt.allocate(1 << 20, 0))
        assert "GPU 0 has a total capacity of 8.00 MiB" in message and "linear" in message, message
        assert message.index("5.75 MiB") < message.index("linear")
        assert issubclass(OutOfMemoryError, RuntimeError) and rt.stats[0].ooms == 1
        del fits
        assert rt.allocate(1 << 20, 0).ptr
    """,
        FAKE_CUDA_MEMORY=str(8 << 20),
    )


def test_blocks_in_cycles_are_collected_before_giving_up(gpu) -> None:
    gpu(
        """
        gc.disable()
        class Node: pass
        node = Node()
        node.itself, node.block = node, rt.allocate(6 << 20, 0)
        del node
        assert rt.allocate(6 << 20, 0).ptr
    """,
        FAKE_CUDA_MEMORY=str(8 << 20),
    )


def test_forked_child_is_refused_and_frees_nothing(gpu) -> None:
    gpu("""
        warnings.simplefilter("ignore", DeprecationWarning)
        block = rt.allocate(1000, 0)
        cached = rt.allocate(2000, 0)
        del cached
        log()
        child = os.fork()
        if child == 0:
            try:
                raises(RuntimeError, "Cannot re-initialize CUDA in forked sub", lambda: rt.allocate(8, 0))
                raises(RuntimeError, "spawn", lambda: rt.synchronize())
                del block
                assert log() == []
            except BaseException as error:
                print(repr(error), flush=True)
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        rt.download(np.zeros(250, np.float32), block.ptr)
    """)


def test_counting_devices_leaves_a_child_free_to_start_them(gpu, nvml: Path) -> None:
    script = """
        warnings.simplefilter("ignore", DeprecationWarning)
        assert rt.is_available() and rt.device_count() == {count}
        assert log() == []
        child = os.fork()
        if child == 0:
            os._exit(0 if rt.allocate(8, 0).ptr else 1)
        assert os.waitpid(child, 0)[1] == 0
    """
    gpu(script.format(count=3), folder=nvml, FAKE_CUDA_DEVICES="3")
    gpu(script.format(count=2), folder=nvml, FAKE_CUDA_DEVICES="3", CUDA_VISIBLE_DEVICES="2,0,-1,1")
    gpu("assert not rt.is_available()", folder=nvml, CUDA_VISIBLE_DEVICES="")


def test_streams_order_reuse_and_record_stream(gpu) -> None:
    gpu("""
        from tritonnn import cuda
        side = cuda.Stream()
        assert side != cuda.default_stream() and cuda.current_stream() == cuda.default_stream()
        with cuda.stream(side):
            assert cuda.current_stream() == side
            mine = rt.allocate(1000, 0)
        theirs = rt.allocate(1000, 0)
        address = mine.ptr
        del mine
        assert rt.allocate(1000, 0).ptr != address        # another stream's memory is not lent
        with side:
            assert rt.allocate(1000, 0).ptr == address
        log()
        theirs.record_stream(side.cuda_stream)
        del theirs
        text = log()                                      # freed: the default stream waits for the other one
        assert "record" in text[1] and hex(side.cuda_stream)[2:] in text[1], text
        assert text[2].startswith("stream=(nil) waits"), text
        side.wait_stream(cuda.current_stream())
        assert [line.split()[0] for line in log()][-2:] == ["record", f"stream={hex(side.cuda_stream)}"]
        many = {cuda.Stream().cuda_stream for _ in range(100)}
        assert len(many) == 32
    """)


def test_memory_recorded_on_another_stream_waits_until_a_capture_is_over(gpu) -> None:
    gpu("""
        from tritonnn import cuda
        side, x = cuda.Stream(), rt.allocate(4096, 0)
        outer = rt.allocate(4096, 0)
        address = outer.ptr
        outer.record_stream(side.cuda_stream)
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            inner = rt.allocate(4096, 0)
            made = inner.ptr
            rt.copy_device(inner.ptr, x.ptr, 4096, 0, 0)
            inner.record_stream(side.cuda_stream)
            log()
            del outer, inner                              # no wait for an event that is not captured
            assert log() == []
            again = rt.allocate(4096, 0)
            assert again.ptr != made                      # the other stream may still read it
        text = log()
        assert text[-1] != text[0] and sum(" waits " in line for line in text) == 2, text
        assert rt.allocate(4096, 0).ptr == address        # given back since
        assert rt.stats[0].allocated == 2 * 4096 + 512, rt.stats[0].allocated   # x, `again`, the graph's random state
    """)


def test_events(gpu) -> None:
    gpu("""
        from tritonnn import cuda
        first, last = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        assert first.query()
        raises(ValueError, "recorded", lambda: first.elapsed_time(last))
        first.record()
        last.record()
        last.synchronize()
        assert 0 <= first.elapsed_time(last) < 1000
        raises(ValueError, "enable_timing=True", lambda: first.elapsed_time(cuda.Event()))
        fake.fake_busy(1)
        assert not last.query() and not cuda.current_stream().query()
        fake.fake_busy(0)
        assert last.query()
        shared = cuda.Event(interprocess=True)
        opened = cuda.Event.from_ipc_handle(0, shared.ipc_handle())
        assert opened.cuda_event == shared.cuda_event
        opened.cuda_event = 0
        flags = [line for line in log() if line.startswith("event")]
        assert flags == ["event flags=0", "event flags=0", "event flags=6"], flags
    """)


def test_pinned_memory_is_lent_again_only_after_its_copies(gpu) -> None:
    gpu("""
        block = rt.allocate(4096, 0)
        host = rt.pinned_empty(4096)
        assert rt.is_pinned(host) and rt.is_pinned(host[8:]) and not rt.is_pinned(np.zeros(8))
        host[:] = 7
        log()
        rt.upload(block.ptr, host)
        assert "synchronize stream=(nil)" in log()        # blocking: the array may be written again
        rt.upload(block.ptr, host, non_blocking=True)
        assert "synchronize stream=(nil)" not in log()
        got = np.zeros(4096, np.uint8)
        rt.download(got, block.ptr)
        assert (got == 7).all()
        address = host.ctypes.data
        fake.fake_busy(1)
        del host
        other = rt.pinned_empty(4096)
        assert other.ctypes.data != address
        fake.fake_busy(0)
        assert rt.pinned_empty(4096).ctypes.data == address
        assert rt.pinned_bytes()[0] == 4096
    """)


def test_two_devices(gpu) -> None:
    gpu(
        """
        from tritonnn import cuda
        a = rt.allocate(4000, 0)
        with cuda.device(1):
            assert cuda.current_device() == 1
            b = rt.allocate(4000, 1)
        assert cuda.current_device() == 0
        c = rt.allocate(4000, 1)                          # another than the current one
        assert cuda.current_device() == 0 and (a.index, b.index, c.index) == (0, 1, 1)
        given, got = np.arange(1000, dtype=np.float32), np.zeros(1000, np.float32)
        rt.upload(a.ptr, given, 0)
        rt.copy_device(b.ptr, a.ptr, 4000, 1, 0)
        rt.download(got, b.ptr, 1)
        assert (got == given).all()
        assert any(line.startswith("peer copy bytes=4000 from=0 to=1") for line in log())
        del a, b, c
        cuda.empty_cache()
        assert all(rt.stats[i].allocated == 0 and rt.reserved(i)[0] == 0 for i in (0, 1))
        event = cuda.Event()
        event.record(cuda.Stream(1))
        raises(RuntimeError, "does not match", lambda: event.record(cuda.Stream(0)))
    """,
        FAKE_CUDA_DEVICES="2",
    )


def test_every_thread_gets_the_context(gpu) -> None:
    gpu("""
        import threading
        block, failures = rt.allocate(4000, 0), []
        def work():
            try:
                rt.upload(block.ptr, np.ones(1000, np.float32))
                mine = rt.allocate(5 << 20, 0)
                rt.set_stream(rt.pooled_stream(0, 0), 0)
            except BaseException as error:
                failures.append(error)
        thread = threading.Thread(target=work)
        thread.start(); thread.join()
        assert not failures, failures
        assert rt.current_stream(0) == 0                  # streams are per thread
    """)
