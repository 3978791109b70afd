"""Names whose subject is not there: they import, and say in one sentence what they do not do as soon as it matters."""

from __future__ import annotations

import importlib

import pytest

import tritonnn as torch
from tritonnn import _left_out, _run

QUANTISED, SCRIPT, GRAPH = "has no quantised tensors", "has no TorchScript", "records no graph of a model"
# Module -> what its refusals say, and how many names it refuses at least.
REFUSING = {
    "ao.nn.intrinsic.qat": (QUANTISED, 13), "ao.nn.intrinsic.quantized": (QUANTISED, 10),
    "ao.nn.qat": (QUANTISED, 6), "ao.nn.quantizable": (QUANTISED, 3), "ao.nn.quantized": (QUANTISED, 28),
    "ao.nn.quantized.dynamic": (QUANTISED, 12), "ao.nn.quantized.functional": (QUANTISED, 20),
    "ao.pruning": ("torch.nn.utils.prune prunes", 9), "ao.quantization.observer": (QUANTISED, 25),
    "ao.quantization.fake_quantize": (QUANTISED, 16), "ao.quantization.quantize": (QUANTISED, 10),
    "ao.quantization.quantize_fx": (QUANTISED, 6), "ao.quantization.qconfig": (QUANTISED, 5),
    "ao.quantization.qconfig_mapping": (QUANTISED, 3), "ao.quantization.quantize_jit": (QUANTISED, 9),
    "ao.quantization.quantization_mappings": (QUANTISED, 13), "export": (GRAPH, 18),
    "package": ("no archives that carry Python code", 8), "utils.mobile_optimizer": (SCRIPT, 3),
    "utils.bundled_inputs": (SCRIPT, 6), "utils.mkldnn": ("kernels of its own", 7), "jit.mobile": (SCRIPT, 3),
    "utils.throughput_benchmark": ("torch.utils.benchmark", 2), "cuda.jiterator": ("compiles no C\\+\\+", 2),
    "cuda.gds": ("reads files through the host", 3), "cuda.green_contexts": ("does not divide", 1),
    "cuda.tunable": ("no kernels of vendor libraries", 11), "profiler.itt": ("sends nothing to VTune", 4),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSING)
def test_refused_as_a_whole(name):
    says, most = REFUSING[name]
    module = importlib.import_module(f"tritonnn.{name}")
    assert len(module._REFUSED) >= most and {*module._REFUSED} <= {*module.__all__}
    for each, value in module._REFUSED.items():
        assert getattr(module, each) is value
        with pytest.raises(NotImplementedError, match=rf"^torch\.{name}\.{each}: .*{says}") as caught:
            value(1, key=2)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
        if isinstance(value, type):
            assert not isinstance(torch.nn.Linear(1, 1), value)
            type("Mine", (value,), {})  # programs may derive from it


@pytest.mark.parametrize("name", ["quantized", "quantized.dynamic", "qat", "intrinsic", "quantizable"])
def test_older_names_of_modules(name):
    older, newer = (importlib.import_module(f"tritonnn.{place}.{name}") for place in ("nn", "ao.nn"))
    assert all(getattr(older, each) is getattr(newer, each) for each in newer.__all__)


def test_quantization_by_its_older_name():
    assert torch.quantization.QuantStub is torch.ao.quantization.QuantStub
    assert importlib.import_module("tritonnn.quantization.observer").MinMaxObserver is (
        torch.ao.quantization.MinMaxObserver
    )
    with pytest.raises(NotImplementedError, match=QUANTISED):
        torch.quantization.quantize_dynamic(torch.nn.Linear(1, 1), {torch.nn.Linear})
    with pytest.raises(AttributeError, match=QUANTISED):
        torch.quantization.no_such_thing  # noqa: B018


def test_onnx():
    assert not torch.onnx.is_in_onnx_export() and torch.onnx.TrainingMode.TRAINING == 2
    with pytest.raises(torch.onnx.OnnxExporterError, match=GRAPH):
        torch.onnx.export(torch.nn.Linear(1, 1), torch.ones(1, 1), "model.onnx", opset_version=17)
    errors = importlib.import_module("tritonnn.onnx.errors")
    assert issubclass(errors.UnsupportedOperatorError, torch.onnx.OnnxExporterError)
    for name in ("ONNXProgram", "dynamo_export", "_export"):
        with pytest.raises(NotImplementedError, match=rf"torch\.onnx\.{name}: "):
            getattr(torch.onnx, name)()


def test_sizes_of_inputs_can_be_described():
    batch = torch.export.Dim("batch", min=2, max=8)
    assert (batch.__name__, batch.min, batch.max) == ("batch", 2, 8) and torch.export.Dim("n").min == 0
    assert torch.export.Dim.AUTO is not torch.export.Dim.DYNAMIC
    for wrong in ({"name": "a b"}, {"name": "n", "min": 3, "max": 2}):
        with pytest.raises(AssertionError):
            torch.export.Dim(**wrong)


def test_cuda_refuses():
    for name in ("caching_allocator_alloc", "change_current_allocator", "CUDAPluggableAllocator", "MemPool",
                 "use_mem_pool", "GreenContext", "reset_peak_host_memory_stats"):  # fmt: skip
        with pytest.raises(NotImplementedError, match=rf"torch\.cuda\.{name}: "):
            getattr(torch.cuda, name)()
    for name in ("_record_memory_history", "_dump_snapshot", "_snapshot"):
        with pytest.raises(NotImplementedError, match="memory_snapshot"):
            getattr(torch.cuda.memory, name)("enabled")
    torch.cuda.caching_allocator_enable(True)
    torch.cuda.set_sync_debug_mode(0)
    for call, says in (
        (lambda: torch.cuda.caching_allocator_enable(False), "cannot be left out"),
        (lambda: torch.cuda.set_sync_debug_mode("warn"), "does not tell of calls"),
        (lambda: torch.cuda.tunable.enable(), "no kernels of vendor libraries"),
        (lambda: torch.accelerator.Graph(), "torch.cuda.CUDAGraph"),
    ):
        with pytest.raises(NotImplementedError, match=says):
            call()
    with pytest.raises(RuntimeError, match="invalid value of debug_mode"):
        torch.cuda.set_sync_debug_mode("loud")
    assert not torch.cuda.tunable.is_enabled() and torch.cuda.get_sync_debug_mode() == 0
    torch.cuda.tunable.enable(False)
    torch.cuda.check_error(0)
    with pytest.raises(torch.cuda.CudaError, match="status 2"):
        torch.cuda.check_error(2)


def test_classes_of_libraries():
    with pytest.raises(RuntimeError, match=r"Tried to instantiate class 'lib\.Thing', but it does not exist"):
        torch.classes.lib.Thing  # noqa: B018
    with pytest.raises(OSError, match="Could not load this library"):
        torch.classes.load_library("a.so")
    assert torch.classes.loaded_libraries == set()


@pytest.mark.parametrize("why", _left_out.LEFT_OUT)
def test_names_that_are_left_out_say_what_they_belong_to(why):
    for name in _left_out.LEFT_OUT[why].split():
        assert not hasattr(torch, name), f"{name} is there: take it off the list"
        with pytest.raises(AttributeError) as caught:
            getattr(torch, name)
        assert str(caught.value) == f"tritonnn has no torch.{name}: {why}"


def test_a_program_that_ends_in_such_a_name_is_told_why():
    for ask in (lambda: torch.quantize_per_tensor, lambda: exec("from tritonnn import qint8")):
        try:
            ask()
        except (AttributeError, ImportError) as error:
            _run.explain(error)
            assert QUANTISED in str(error) and "open an issue" not in str(error)
    try:
        torch.no_such_name  # noqa: B018
    except AttributeError as error:
        _run.explain(error)
        assert "open an issue" in str(error)


def test_switches_that_can_only_stay():
    s = torch.serialization
    with s.set_default_mmap_options(s.get_default_mmap_options()):
        s.set_crc32_options(True)
    with pytest.raises(NotImplementedError, match="MAP_PRIVATE alone"):
        s.set_default_mmap_options(1)
    with pytest.raises(ValueError, match="expected mmap"):
        s.set_default_mmap_options(64)
    with pytest.raises(NotImplementedError, match="checksums"):
        s.set_crc32_options(False)
    for name in ("register_package", "skip_data"):
        with pytest.raises(NotImplementedError, match=rf"torch\.serialization\.{name}: "):
            getattr(s, name)()


def test_files_that_do_not_say_their_order_of_bytes(tmp_path):
    import zipfile

    s = torch.serialization
    torch.save(torch.tensor([1, 2], dtype=torch.int32), tmp_path / "said.pt")
    with (
        zipfile.ZipFile(tmp_path / "said.pt") as said,
        zipfile.ZipFile(tmp_path / "unsaid.pt", "w") as unsaid,
    ):
        for name in said.namelist():
            if not name.endswith("byteorder"):
                unsaid.writestr(name, said.read(name))
    try:
        for order, first in ((None, 1), (s.LoadEndianness.LITTLE, 1), (s.LoadEndianness.BIG, 1 << 24)):
            s.set_default_load_endianness(order)
            assert s.get_default_load_endianness() is order
            assert torch.load(tmp_path / "unsaid.pt")[0].item() == first
            assert torch.load(tmp_path / "said.pt")[0].item() == 1
        with pytest.raises(TypeError, match="Invalid argument type"):
            s.set_default_load_endianness("big")
    finally:
        s.set_default_load_endianness(None)
