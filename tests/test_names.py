"""Names of torch beside the ops that have no counterpart to compare with here: GPUs, conversions, helpers of utils."""

from __future__ import annotations

import gc

import pytest

import tritonnn as torch
from tritonnn.utils import _foreach_utils, backend_registration, hooks, swap_tensors, weak

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU or the simulated one")


@needs_gpu
def test_accelerator_is_the_gpu():
    a = torch.accelerator
    assert a.is_available() and a.current_accelerator() == torch.device("cuda")
    assert (
        a.device_count() == torch.cuda.device_count()
        and a.current_device_index() == torch.cuda.current_device()
    )
    before = a.memory_allocated()
    x = torch.ones(1000, device=a.current_accelerator())
    assert a.memory_allocated("cuda") == torch.cuda.memory_allocated() > before
    assert a.max_memory_allocated() >= a.memory_allocated() and a.memory_reserved(0) >= a.memory_allocated()
    assert (
        a.get_memory_info() == torch.cuda.mem_get_info() and a.current_stream() == torch.cuda.current_stream()
    )
    assert torch.float32 in a.get_device_capability()["supported_dtypes"]
    with a.device_index(0), a.device_index(None):
        a.synchronize()
    a.empty_cache()
    assert torch.get_device_module() is torch.cuda
    with pytest.raises(ValueError, match="doesn't match the current accelerator"):
        a.synchronize("cpu")
    del x


def test_accelerator_of_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert torch.accelerator.current_accelerator() is None and torch.accelerator.device_count() == 0
    for name in ("synchronize", "current_device_index", "memory_allocated", "empty_cache", "current_stream"):
        with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is available"):
            getattr(torch.accelerator, name)()
    assert torch.Stream().device == torch.device("cpu") and torch.Event().device == torch.device("cpu")


@needs_gpu
def test_streams_and_events_are_those_of_the_device():
    stream, event = torch.Stream(), torch.Event(enable_timing=True)
    assert type(stream) is torch.cuda.Stream and type(event) is torch.cuda.Event
    assert isinstance(stream, torch.Stream) and isinstance(event, torch.Event)
    assert type(torch.Stream("cuda:0", priority=-1)) is torch.cuda.Stream
    side = torch.Stream(device="cpu")
    assert isinstance(side, torch.Stream) and not isinstance(side, torch.cuda.Stream)
    side.wait_stream(stream)
    start, end = (torch.Event(device="cpu", enable_timing=True) for _ in range(2))
    with pytest.raises(ValueError, match="must be recorded"):
        start.elapsed_time(end)
    side.record_event(start)
    end.record(stream)
    assert start.elapsed_time(end) >= 0 and side.query() and end.query()
    with pytest.raises(NotImplementedError, match="no streams of the device meta"):
        torch.Stream("meta")
    with pytest.raises(ValueError, match="enable_timing"):
        torch.cpu.Event().elapsed_time(end)


@pytest.mark.parametrize("setting", ["overwrite", "swap"])
def test_conversions_as_the_future_says(setting):
    module = torch.nn.Linear(2, 2)
    weight = module.weight
    module(torch.ones(2)).sum().backward()
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    switch = getattr(torch.__future__, f"set_{setting}_module_params_on_conversion")
    switch(True)
    try:
        assert getattr(torch.__future__, f"get_{setting}_module_params_on_conversion")()
        module.double()
    finally:
        switch(False)
    assert (module.weight is weight) == (setting == "swap")
    assert isinstance(module.weight, torch.nn.Parameter) and module.weight.requires_grad
    assert module.weight.dtype is module.weight.grad.dtype is torch.float64
    assert module.weight.is_leaf and weight.dtype is (torch.float64 if setting == "swap" else torch.float32)
    before = module.weight.detach().clone()
    optimizer.step()
    assert torch.equal(module.weight, before) == (setting == "overwrite")  # it has the Parameters of before


def test_swap_tensors():
    first, second = torch.zeros(2), torch.nn.Parameter(torch.ones(3, dtype=torch.float64).t())
    first.tag = "first"
    ids = id(first), id(second)
    swap_tensors(first, second)
    assert (id(first), id(second)) == ids
    assert type(first) is torch.nn.Parameter and first.requires_grad and first.tolist() == [1, 1, 1]
    assert type(second) is torch.Tensor and second.tag == "first" and second.shape == (2,)
    (first * 2).sum().backward()
    assert first.grad.tolist() == [2, 2, 2]
    held = weak.TensorWeakRef(second)
    with pytest.raises(RuntimeError, match="Cannot swap t2 because it has weakref"):
        swap_tensors(first, second)
    del held
    with pytest.raises(RuntimeError, match="Cannot swap t1 because it is not a leaf"):
        swap_tensors(first * 2, second)
    with pytest.raises(TypeError, match="argument 't2' must be Tensor, not int"):
        swap_tensors(first, 3)


def test_weak_dictionaries_know_their_keys_by_identity():
    x, y = torch.ones(2), torch.ones(2)
    names = weak.WeakTensorKeyDictionary({x: "x", y: "y"})
    assert (
        names[x] == "x" and names[y] == "y" and len(names) == 2 and x in names and torch.ones(2) not in names
    )
    assert 3 not in names and {id(key) for key in names} == {id(x), id(y)}
    copied = names.copy()
    del names[x]
    assert len(names) == 1 and len(copied) == 2
    del y
    gc.collect()
    assert len(names) == 0 and [id(key) for key in copied] == [id(x)]
    reference = weak.TensorWeakRef(x)
    del x, copied
    assert reference() is None
    x = torch.ones(2)
    assert weak.WeakIdRef(x) == weak.WeakIdRef(x) != weak.WeakIdRef(torch.ones(2))


def test_groups_of_tensors():
    lists = [[torch.ones(2), torch.ones(1).double(), torch.ones(3)], [None, torch.zeros(1), torch.zeros(2)]]
    groups = _foreach_utils._group_tensors_by_device_and_dtype(lists, with_indices=True)
    cpu = torch.device("cpu")
    assert set(groups) == {(cpu, torch.float32), (cpu, torch.float64)}
    (firsts, seconds), places = groups[cpu, torch.float32]
    assert firsts == [lists[0][0], lists[0][2]] or [id(t) for t in firsts] == [
        id(lists[0][0]),
        id(lists[0][2]),
    ]
    assert seconds[0] is None and seconds[1] is lists[1][2] and places == [0, 2]
    assert _foreach_utils._group_tensors_by_device_and_dtype(lists)[cpu, torch.float64][1] == []
    with pytest.raises(RuntimeError, match="first list must not be None"):
        _foreach_utils._group_tensors_by_device_and_dtype([[None], [None]])


def test_hooks_that_are_not_saved_are_told():
    x = torch.ones(1, requires_grad=True)
    x.register_hook(hooks.unserializable_hook(lambda g: g))
    hooks.warn_if_has_hooks(x)
    x.register_hook(lambda g: g)
    with pytest.warns(UserWarning, match="will not be serialized"):
        hooks.warn_if_has_hooks(x)


@pytest.mark.parametrize("name", ["mps", "xpu", "mtia"])
def test_absent_devices_say_so(name):
    module = getattr(torch, name)
    for each in module.__all__:
        assert callable(getattr(module, each))
    with pytest.raises(
        RuntimeError, match=f"torch.{name}.synchronize: tritonnn has no backend for the device {name}"
    ):
        module.synchronize()
    if name != "mps":
        with pytest.raises(RuntimeError, match=f"no backend for the device {name}"):
            getattr(torch.ones(1), name)()


def test_devices_of_a_program_are_refused():
    for call in (
        lambda: backend_registration.rename_privateuse1_backend("mine"),
        lambda: torch.utils.generate_methods_for_privateuse1_backend(),
    ):
        with pytest.raises(NotImplementedError, match="takes no device of a program's own"):
            call()


def test_permissions_of_attention():
    q = torch.ones(1, 1, 2, 8)
    params = torch.backends.cuda.SDPAParams(q, q, q, None, 0.0, False, False)
    assert params.query is q and not torch.backends.cuda.can_use_flash_attention(params)
    assert not torch.backends.cuda.can_use_cudnn_attention(params)
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    assert torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(False)
    assert torch.backends.cuda.preferred_linalg_library() == "default"
    with pytest.raises(RuntimeError, match="there is no MAGMA"):
        torch.backends.cuda.preferred_linalg_library("magma")
    with pytest.raises(RuntimeError, match="unknown backend 'foo'"):
        torch.backends.cuda.preferred_blas_library("foo")
    with torch.backends.mkl.verbose(torch.backends.mkl.VERBOSE_ON), torch.backends.mkldnn.verbose(2):
        pass
    with pytest.raises(AssertionError, match="must be one of"):
        torch.backends.mkl.verbose(5)
    with torch.backends.nnpack.flags(False):
        assert not torch.backends.nnpack.enabled


def test_symbols_are_not_made():
    for kind in (torch.SymInt, torch.SymFloat, torch.SymBool):
        with pytest.raises(NotImplementedError, match="traces no symbolic shapes"):
            kind(3)
