"""Deterministic algorithms: the switches, what is filled, and that no kernel adds by atomics."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import determinism, errors
from tritonnn.ops._table import OPS
from tritonnn.table import stand_between
from tritonnn.utils import deterministic

ROOT = Path(__file__).resolve().parent.parent

# Every atomic instruction of the kernels, and why the order in which programs reach it does not show.
ATOMICS = {
    ("kernels/scatter/_entries.py", "tl.atomic_max"): "of whole numbers: the last write of each place",
    ("kernels/device/bounds.py", "tl.atomic_min"): "of whole numbers: the first wrong index",
    ("kernels/optimizer/amp.py", "tl.atomic_max"): "only ever of 1: whether anything was not finite",
    ("kernels/device/index_errors.py", "tl.atomic_min"): "of whole numbers: the first wrong index",
}


@pytest.fixture(autouse=True)
def _switched_off_again():
    yield
    torch.use_deterministic_algorithms(False)
    deterministic.fill_uninitialized_memory = True


def test_no_kernel_depends_on_the_order_of_atomics():
    """An op whose kernel does must say `nondeterministic=`; none does."""
    atomics = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / "kernels").rglob("*.py")
        for name in re.findall(r"\btl\.atomic_\w+", path.read_text(encoding="utf-8"))
    }
    assert atomics == set(ATOMICS)
    assert not [op for op in OPS.values() if op.options.get("nondeterministic")]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_colliding_writes_and_sums_repeat_bit_for_bit(device):
    rng = np.random.default_rng(0)
    index = torch.from_numpy(rng.integers(0, 5, 200)).to(device)
    values = torch.from_numpy(rng.standard_normal(200).astype(np.float32)).to(device)
    torch.use_deterministic_algorithms(True)

    def results():
        zeros = torch.zeros(5, device=device)
        yield zeros.scatter_add(0, index, values)
        yield zeros.index_add(0, index, values)
        yield zeros.index_put((index,), values, accumulate=True)
        yield zeros.index_put((index,), values)
        yield zeros.scatter(0, index, values)
        yield torch.bincount(index, values)

    first, second = [r.tolist() for r in results()], [r.tolist() for r in results()]
    assert first == second
    last = {int(i): v for i, v in zip(index.tolist(), values.tolist())}
    assert first[3] == first[4] == [last[i] for i in range(5)]


def test_switches():
    assert not torch.are_deterministic_algorithms_enabled() and torch.get_deterministic_debug_mode() == 0
    torch.use_deterministic_algorithms(True)
    assert torch.are_deterministic_algorithms_enabled() and torch.get_deterministic_debug_mode() == 2
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.is_deterministic_algorithms_warn_only_enabled() and torch.get_deterministic_debug_mode() == 1
    for mode, number in (("default", 0), ("warn", 1), ("error", 2), (0, 0), (1, 1), (2, 2)):
        torch.set_deterministic_debug_mode(mode)
        assert torch.get_deterministic_debug_mode() == number
        assert torch.are_deterministic_algorithms_enabled() is (number > 0)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (
            lambda: torch.use_deterministic_algorithms(1),
            TypeError,
            r"'mode' \(position 1\) must be bool, not int",
        ),
        (
            lambda: torch.use_deterministic_algorithms(True, warn_only=1),
            TypeError,
            "'warn_only' must be bool, not int",
        ),
        (lambda: torch.set_deterministic_debug_mode(3), RuntimeError, "expected 0, 1, or 2, but got 3"),
        (
            lambda: torch.set_deterministic_debug_mode("on"),
            RuntimeError,
            "`default`, `warn`, `error`, but got on",
        ),
        (lambda: torch.set_deterministic_debug_mode(None), TypeError, "debug_mode must be str or int"),
        (
            lambda: setattr(deterministic, "fill_uninitialized_memory", 1),
            RuntimeError,
            "expected a bool, but got int",
        ),
        (lambda: torch.set_warn_always(1), RuntimeError, "setWarnOnlyOnce expects a bool, but got int"),
    ],
)
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


MAKERS = {
    "empty": lambda dtype, device: torch.empty(2, 3, dtype=dtype, device=device),
    "empty_like": lambda dtype, device: torch.empty_like(torch.zeros(2, dtype=dtype, device=device)),
    "empty_strided": lambda dtype, device: torch.empty_strided((2, 3), (1, 2), dtype=dtype, device=device),
    "empty_permuted": lambda dtype, device: torch.empty_permuted((2, 3), (1, 0), dtype=dtype, device=device),
    "new_empty": lambda dtype, device: torch.zeros(1, device=device).new_empty(3, dtype=dtype),
    "out": lambda dtype, device: torch.empty(2, out=torch.zeros(2, dtype=dtype, device=device)),
}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_uninitialised_memory_is_filled(make, device):
    torch.use_deterministic_algorithms(True)
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.complex64):
        values = MAKERS[make](dtype, device).cpu()
        assert bool((values != values).all())
    for dtype in (torch.uint8, torch.int8, torch.int64):
        assert set(MAKERS[make](dtype, device).flatten().tolist()) == {torch.iinfo(dtype).max}
    assert bool(MAKERS[make](torch.bool, device).all())
    deterministic.fill_uninitialized_memory = False
    assert determinism.fills() is False


def test_what_a_larger_storage_adds_is_filled():
    torch.use_deterministic_algorithms(True)
    assert str(torch.ones(1).resize_(3)) == "tensor([1., nan, nan])"
    assert torch.ones(5)[:2].resize_(4).tolist() == [1.0] * 4  # the storage was large enough
    assert torch.ones(2, dtype=torch.int16).resize_(4).tolist() == [1, 1, 32767, 32767]


def test_entry_that_says_it_is_not_deterministic():
    op = OPS["log"]
    op.options["nondeterministic"] = "it adds by atomics"
    stand_between(None)
    try:
        x = torch.ones(1, device="cuda")
        x.log()
        torch.use_deterministic_algorithms(True)
        text = r"log does not have a deterministic implementation, but you set 'torch.use_deterministic"
        with pytest.raises(RuntimeError, match=text):
            x.log()
        torch.ones(1).log()  # on the CPU nothing adds by atomics
        torch.use_deterministic_algorithms(True, warn_only=True)
        with pytest.warns(UserWarning, match=r"use_deterministic_algorithms\(True, warn_only=True\)'"):
            x.log()
    finally:
        del op.options["nondeterministic"]
        stand_between(None)


def test_measured_configurations_are_left_alone(monkeypatch):
    autotune = pytest.importorskip("tritonnn.kernels.launch.autotune")
    monkeypatch.setattr(autotune, "_table", lambda: {"key": {"configuration": "(2,)"}})
    monkeypatch.setattr(autotune, "_key", lambda *_: "key")
    pick = lambda: autotune.pick(None, (), (1,), [(2,)], lambda c: lambda: None)
    assert pick() == (2,)
    forgotten = []
    monkeypatch.setattr(determinism, "on_change", [lambda: forgotten.append(1)])
    torch.use_deterministic_algorithms(True)
    assert pick() == (1,) and forgotten


def test_warnings_once_or_always():
    array = np.ones(2)
    array.flags.writeable = False

    def seen() -> int:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.from_numpy(array)
            torch.from_numpy(array)
        return len(caught)

    errors._warned.discard("from_numpy")
    assert seen() == 1
    assert not torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        assert torch.is_warn_always_enabled() and seen() == 2
    finally:
        torch.set_warn_always(False)
    assert seen() == 0
