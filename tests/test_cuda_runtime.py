"""Devices, copies, comm and backends' switches, on the GPU or the simulated one."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.runtime.interface import runtime

cuda = torch.cuda
simulated_only = pytest.mark.skipif(not runtime().simulated, reason="about the simulated device")
needs_gpu = pytest.mark.skipif(not cuda.is_available(), reason="needs a GPU or the simulated one")
pytestmark = needs_gpu


def run(source: str, env: dict[str, str]) -> None:
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def two_devices(script: str) -> None:
    """Run a script where the simulated device shows two GPUs."""
    env = {**os.environ, "TRITON_INTERPRET": "1", "TRITONNN_SIMULATED_DEVICES": "2"}
    source = "import tritonnn as torch\ncuda = torch.cuda\n" + textwrap.dedent(script)
    run(source, env)


def test_import_starts_nothing() -> None:
    script = (
        "import sys, tritonnn as torch; torch.cuda; "
        "from tritonnn.runtime.interface import runtime; "
        "assert not torch.cuda.is_initialized() and torch.cuda.memory_allocated() == 0; "
        "torch.cuda.empty_cache(); "
        "assert not torch.cuda.is_initialized(); "
        "assert not {'triton', 'cuda.bindings.driver'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "TRITON_INTERPRET": "1"})


def test_devices_and_properties() -> None:
    assert cuda.device_count() >= 1 and cuda.current_device() == 0
    properties = cuda.get_device_properties()
    assert cuda.get_device_name("cuda:0") == properties.name and properties.name in repr(properties)
    assert cuda.get_device_capability(torch.device("cuda")) == (properties.major, properties.minor) >= (8, 0)
    assert properties.total_memory > 0 and properties.multi_processor_count > 0 and properties.warp_size == 32
    free, total = cuda.mem_get_info()
    assert 0 < free <= total
    assert cuda.current_blas_handle() == 0
    assert isinstance(cuda.is_bf16_supported(), bool)


def test_wrong_devices_are_refused() -> None:
    beyond = cuda.device_count()
    for call in (
        lambda: cuda.set_device(beyond),
        lambda: cuda.Stream(beyond),
        lambda: cuda.synchronize(beyond),
        lambda: torch.empty(2, device=f"cuda:{beyond}"),
    ):
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            call()
    with pytest.raises(AssertionError, match="Invalid device id"):
        cuda.get_device_properties(beyond)
    with pytest.raises(ValueError, match="Expected a cuda device, but got: cpu"):
        cuda.synchronize("cpu")


def test_negative_device_changes_nothing() -> None:
    cuda.set_device(-1)
    with cuda.device(-1), cuda.device(None), cuda.device_of(torch.ones(2)):
        assert cuda.current_device() == 0


def test_device_context_and_copies_between_two() -> None:
    two_devices("""
        with cuda.device(1):
            assert cuda.current_device() == 1
            x = torch.tensor([1., 2., 3.], device="cuda")
        assert cuda.current_device() == 0 and x.get_device() == 1 and str(x.device) == "cuda:1"
        with cuda.device_of(x):
            assert cuda.current_device() == 1
        y = x.to("cuda:0")
        assert y.get_device() == 0 and y.tolist() == [1., 2., 3.]
        assert y.cuda(1).get_device() == 1
        try:
            x + y
        except RuntimeError as error:
            assert "device" in str(error), error
        else:
            raise AssertionError("tensors of two devices were added")
        cuda.set_device("cuda:1")
        assert cuda.current_device() == 1 and torch.zeros(1, device="cuda").get_device() == 1
        assert cuda.memory_allocated(0) > 0 and cuda.memory_allocated(1) > 0
        assert cuda.can_device_access_peer(0, 1) and not cuda.can_device_access_peer(1, 1)
    """)


def test_comm_over_two_devices() -> None:
    two_devices("""
        from tritonnn.cuda import comm
        x = torch.arange(6.).reshape(3, 2)
        a, b = comm.broadcast(x, [0, 1])
        assert (a.get_device(), b.get_device()) == (0, 1) and b.tolist() == x.tolist()
        total = comm.reduce_add([a, b], destination=1)
        assert total.get_device() == 1 and total.tolist() == (x * 2).tolist()
        assert a.tolist() == x.tolist() and b.tolist() == x.tolist()
        first, second = comm.scatter(x, [0, 1])
        assert first.tolist() == [[0., 1.], [2., 3.]] and second.tolist() == [[4., 5.]]
        first, second = comm.scatter(x, [1, 0], chunk_sizes=[1, 2])
        assert first.get_device() == 1 and second.tolist() == [[2., 3.], [4., 5.]]
        left, right = comm.scatter(x, [0, 1], dim=1)
        assert right.tolist() == [[1.], [3.], [5.]]
        assert comm.gather([left, right], dim=1, destination=1).tolist() == x.tolist()
        assert comm.gather([left, right], dim=1, destination=-1).device.type == "cpu"
        assert comm.gather([left, right], 1, "cpu").device.type == "cpu"
        pairs = comm.broadcast_coalesced([x, x + 1], [0, 1])
        assert pairs[1][1].get_device() == 1 and pairs[1][1].tolist() == (x + 1).tolist()
        sums = comm.reduce_add_coalesced([[a, a], [b, b]], 0)
        assert sums[1].tolist() == (x * 2).tolist()
        out = [torch.empty(3, 2, device="cuda:0"), torch.empty(3, 2, device="cuda:1")]
        assert comm.broadcast(x, out=out)[1] is out[1] and out[1].tolist() == x.tolist()
    """)


def test_comm_on_one_device_and_its_errors() -> None:
    from tritonnn.cuda import comm

    x = torch.arange(4.0).cuda()
    assert comm.broadcast(x, [0])[0] is x
    assert comm.reduce_add([x]) is x
    assert comm.scatter(x, [0])[0].tolist() == x.tolist()
    assert comm.gather([x, x]).tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    with pytest.raises(ValueError, match="input 1 has invalid size: got 2, but expected 4"):
        comm.reduce_add([x, x[:2]])
    with pytest.raises(AssertionError, match="to be on GPUs"):
        comm.reduce_add([x, torch.zeros(4)])
    with pytest.raises(RuntimeError, match="non-empty"):
        comm.reduce_add([])
    with pytest.raises(RuntimeError, match="same length"):
        comm.scatter(x, [0], chunk_sizes=[1, 3])
    with pytest.raises(RuntimeError, match="Exactly one of"):
        comm.broadcast(x)


def test_copies_round_trip_for_every_dtype() -> None:
    wide = torch.uint8, torch.int16, torch.int64, torch.float16, torch.bfloat16, torch.float64
    for dtype in (torch.bool, *wide):
        given = torch.tensor([0, 1, 2, 3]).to(dtype)
        got = given.cuda().cpu()
        assert got.dtype is dtype and got.tolist() == given.tolist()
    assert torch.empty(0, 3).cuda().cpu().shape == (0, 3)
    view = torch.arange(6).reshape(2, 3).t()
    assert view.cuda().tolist() == view.tolist()
    assert view.cuda().t()[1].cpu().tolist() == [3, 4, 5]


def test_pinned_memory() -> None:
    x = torch.arange(1000.0)
    assert not x.is_pinned()
    pinned = x.pin_memory()
    assert pinned.is_pinned() and pinned.pin_memory() is pinned and pinned.tolist() == x.tolist()
    moved = pinned.to("cuda", non_blocking=True)
    cuda.synchronize()
    assert moved.cpu().tolist() == x.tolist()
    before = cuda.host_memory_stats()["allocated_bytes.current"]
    assert before >= 4000
    del pinned
    assert cuda.host_memory_stats()["allocated_bytes.current"] < before
    with pytest.raises(RuntimeError, match="cannot pin"):
        moved.pin_memory()


def test_memset_and_upload_errors_are_caught_before_the_device() -> None:
    block = runtime().allocate(16, 0)
    runtime().memset(block.ptr, 7, 16)
    got = np.zeros(16, np.uint8)
    runtime().download(got, block.ptr)
    assert (got == 7).all()


@simulated_only
def test_fresh_memory_is_poisoned_where_asked_for() -> None:
    script = (
        "import numpy as np, tritonnn as torch; x = torch.empty(100, device='cuda'); "
        "assert np.isnan(x.cpu().numpy()).all()"
    )
    env = {**os.environ, "TRITON_INTERPRET": "1", "TRITONNN_NAN_POISON": "1"}
    subprocess.run([sys.executable, "-c", script], check=True, env=env)


@simulated_only
def test_a_forked_child_may_use_the_simulated_device() -> None:
    script = (
        "import os, tritonnn as torch\n"
        "x = torch.ones(3, device='cuda')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if x.clone().tolist() == [1, 1, 1] else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    env = {**os.environ, "TRITON_INTERPRET": "1"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, env=env, timeout=100)


def test_without_driver_everything_says_so(tmp_path) -> None:
    script = """
        assert not cuda.is_available() and cuda.device_count() == 0
        torch.manual_seed(1); cuda.manual_seed_all(1); cuda.empty_cache()
        for call in (lambda: torch.ones(2, device="cuda"), lambda: torch.ones(2).cuda(),
                     lambda: cuda.get_device_name(0), lambda: cuda.Stream(),
                     cuda.current_device, cuda.synchronize, cuda.init):
            try:
                call()
            except RuntimeError as error:
                assert "Found no NVIDIA driver" in str(error), error
            else:
                raise AssertionError("no error")
    """
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    for name in (
        "libcuda.so.1",
        "libnvidia-ml.so.1",
    ):  # not a library: a machine whose driver cannot be loaded
        (tmp_path / name).write_text("")
    env["LD_LIBRARY_PATH"] = str(tmp_path)
    source = "import tritonnn as torch\ncuda = torch.cuda\n" + textwrap.dedent(script)
    run(source, env)


def test_visible_devices() -> None:
    from tritonnn.runtime.driver import visible_devices

    assert visible_devices("", 4) == [] and visible_devices("-1", 4) == [] and visible_devices("0,0", 4) == []
    assert visible_devices("2, 0", 4) == ["2", "0"] and visible_devices("1,9,0", 4) == ["1"]
    assert visible_devices("GPU-8932f937", 4) == ["GPU-8932f937"]


def test_backends_switches() -> None:
    backends = torch.backends
    assert not backends.cudnn.is_available() and backends.cudnn.version() is None
    assert not backends.mps.is_available() and not backends.mkl.is_available() and backends.cuda.is_built()
    with backends.cudnn.flags(deterministic=True, benchmark=True):
        assert backends.cudnn.deterministic and backends.cudnn.benchmark
    assert not backends.cudnn.deterministic and not backends.cudnn.benchmark
    with pytest.raises(TypeError, match="expected a bool"):
        backends.cudnn.benchmark = 1
    with pytest.raises(AttributeError, match="Unknown attribute"):
        backends.cuda.matmul.allow_tf23 = True
    with pytest.raises(RuntimeError, match="fbgemm is not supported"):
        backends.quantized.engine = "fbgemm"
    with pytest.raises(ValueError, match="opt_einsum is not available"):
        backends.opt_einsum.enabled = True
    with backends.cuda.sdp_kernel(enable_flash=False):
        assert not backends.cuda.flash_sdp_enabled()
    assert backends.cuda.flash_sdp_enabled()


def test_tf32_switch_is_the_matmul_precision() -> None:
    matmul = torch.backends.cuda.matmul
    assert not matmul.allow_tf32 and torch.get_float32_matmul_precision() == "highest"
    try:
        matmul.allow_tf32 = True
        assert torch.get_float32_matmul_precision() == "high" and matmul.fp32_precision == "tf32"
        torch.set_float32_matmul_precision("highest")
        assert not matmul.allow_tf32
    finally:
        torch.set_float32_matmul_precision("highest")


def test_nvtx_ranges_nest_and_nccl_is_absent() -> None:
    nvtx = cuda.nvtx
    assert nvtx.range_pop() == -2
    assert (nvtx.range_push("a"), nvtx.range_push("b")) == (0, 1)
    assert (nvtx.range_pop(), nvtx.range_pop()) == (1, 0)
    with nvtx.range("step {}", 3):
        nvtx.mark("here")
        assert nvtx.range_push("inner") == 1 and nvtx.range_pop() == 1
    nvtx.range_end(nvtx.range_start("across"))
    assert not cuda.nccl.is_available([])
    with pytest.raises(RuntimeError, match="without NCCL"):
        cuda.nccl.version()


def test_old_names_warn() -> None:
    for name in ("memory_cached", "max_memory_cached"):
        with pytest.warns(FutureWarning, match=name):
            assert getattr(cuda, name)() >= 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cuda.memory_reserved() >= 0
