"""Autocast: which types ops compute in, where it ends, what it keeps, and that gradients are right."""

from __future__ import annotations

import contextlib
import threading
import warnings

import pytest
from support import call, mapped, samples, tensors

import tritonnn as torch
from tritonnn.dispatch import _autocast
from tritonnn.nn import functional as F
from tritonnn.ops._table import OPS
from tritonnn.table import autocast as table

DEVICES = ("cpu", "cuda")
HALVES = (torch.bfloat16, torch.float16)
BOTH = pytest.mark.parametrize("device", DEVICES)
#: what results are of, by policy, where all that is given is of lower precision; of float32
GIVES = {
    table.LOWER: ("lower", "lower"),
    table.FLOAT32: ("float32", "float32"),
    table.FLOAT32_RESULT: ("float32", "float32"),
    table.WIDEST: ("lower", "float32"),
}


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    assert not _autocast.autocast.on and not _autocast.autocast.casts and not _autocast._threads
    assert not _autocast.autocast.nesting and _autocast.autocast.dtypes == _autocast.DEFAULTS
    assert all(op.run.__module__ != _autocast.__name__ for op in OPS.values() if op.kind != "composite")


# ---- the table ------------------------------------------------------------------------------------------------


def test_the_table_names_entries_that_can_follow_it():
    for device, rows in table._TABLE.items():
        names = " ".join(rows.values()).split()
        assert len(names) == len(set(names)), f"{device}: named twice"
        for name in names:
            assert name in OPS, f"{device}: no entry {name}"
            assert OPS[name].kind != "composite" or OPS[name].api, f"{name}: its body is called directly"
    for device, name in table.ONLY:
        only = table.ONLY[device, name]
        assert set(only.__code__.co_varnames) <= set(OPS[name].names)
        assert table.policies(name)[device]


def _listed():
    for device in DEVICES:
        for policy, names in table._TABLE[device].items():
            if policy not in GIVES:
                continue
            for name in names.split():
                if (
                    OPS[name].samples
                    and (device, name) not in table.ONLY
                    and (device, name) not in table.STATES
                ):
                    yield pytest.param(device, name, policy, id=f"{device}-{name}")


@pytest.mark.parametrize(("device", "name", "policy"), list(_listed()))
def test_results_are_of_the_type_that_the_policy_says(device, name, policy):
    op = OPS[name]
    sample = min(samples(op, device, torch.float32), key=lambda s: sum(t.numel() for t in tensors(s)))
    lower = _autocast.DEFAULTS[device]
    for given, wanted in zip((lower, torch.float32), GIVES[policy], strict=True):
        typed = mapped(sample, lambda t, given=given: t.to(given) if t.dtype.is_floating_point else t)
        if any(isinstance(value, torch.dtype) for value in (*typed.args, *typed.kwargs.values())):
            continue
        with warnings.catch_warnings(), torch.autocast(device):
            warnings.simplefilter("ignore")
            results = list(tensors(call(op, typed)))
        dtype = results[0].dtype.to_real() if results[0].dtype.is_complex else results[0].dtype
        if not dtype.is_floating_point:
            continue  # a rank or another count
        assert dtype is (lower if wanted == "lower" else torch.float32), f"given {given}"


@BOTH
@pytest.mark.parametrize("lower", HALVES)
def test_values_are_those_of_inputs_that_were_cast(device, lower):
    x, w, b = (
        torch.randn(4, 6, device=device),
        torch.randn(3, 6, device=device),
        torch.randn(3, device=device),
    )
    with torch.autocast(device, dtype=lower):
        got = (
            F.linear(x, w, b),
            x @ x.mT,
            F.softmax(x.to(lower), -1),
            F.mse_loss(x.to(lower), x.flip(0).to(lower)),
        )
    wanted = (F.linear(x.to(lower), w.to(lower), b.to(lower)), x.to(lower) @ x.to(lower).mT)
    assert all(torch.equal(a, b) and a.dtype is lower for a, b in zip(got, wanted, strict=False))
    if device == "cuda":
        assert torch.equal(got[2], F.softmax(x.to(lower).float(), -1))
    assert torch.equal(got[3], F.mse_loss(x.to(lower).float(), x.flip(0).to(lower).float()))


@BOTH
def test_what_stays_as_it_is(device):
    x, wide = torch.ones(2, 2, device=device), torch.ones(2, 2, device=device, dtype=torch.float64)
    out = torch.empty(2, 2, device=device)
    with torch.autocast(device):
        assert (wide @ wide).dtype is torch.float64  # double precision
        whole = torch.ones(2, 2, device=device, dtype=torch.int64)
        assert torch.cumsum(whole, 0).dtype is torch.int64
        assert torch.ones(2, device=device).dtype is torch.float32  # what is made
        assert torch.mm(x, x, out=out) is out and out.dtype is torch.float32
        assert torch.matmul(x, x, out=out).dtype is torch.float32
        assert x.clone().addmm_(x, x).dtype is torch.float32  # in place
        fine = (x + 2**-12)[None]  # which no lower precision holds; a composite's form in place as well
        assert (x.clone().addbmm_(fine, x[None]) == 3 + 2**-11).all()
        assert x.half().exp_().dtype is torch.float16
        other = "cpu" if device == "cuda" else "cuda"
        assert (torch.ones(2, 2, device=other) @ torch.ones(2, 2, device=other)).dtype is torch.float32
    assert (x @ x).dtype is torch.float32


def test_a_dtype_that_is_given_is_kept():
    x = torch.ones(2, 3, device="cuda", dtype=torch.float16)
    with torch.autocast("cuda"):
        for function in (torch.sum, F.softmax, torch.cumsum):
            where = {} if function is torch.sum else {"dim": 1}
            assert function(x, **where).dtype is torch.float32
            assert function(x, **where, dtype=torch.float16).dtype is torch.float16
            assert function(x, **where, dtype=torch.float64).dtype is torch.float64


def test_binary_cross_entropy_is_refused_on_cuda():
    x = torch.full((2,), 0.5)
    with torch.autocast("cuda"), pytest.raises(RuntimeError, match="BCELoss are unsafe to autocast"):
        F.binary_cross_entropy(x.cuda(), x.cuda())
    with torch.autocast("cpu"):
        assert F.binary_cross_entropy(x.bfloat16(), x.bfloat16()).dtype is torch.float32


def test_what_is_missing_is_for_the_op_to_say():
    with torch.autocast("cpu"), pytest.raises(TypeError, match="pad"):
        F.pad(torch.ones(2))


def test_types_that_cannot_meet():
    lower, other = torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.float16)
    with (
        torch.autocast("cpu", dtype=torch.bfloat16),
        pytest.raises(RuntimeError, match="Unexpected floating"),
    ):
        torch.cat([lower, other])


# ---- blocks -----------------------------------------------------------------------------------------------------


@BOTH
def test_blocks_within_blocks(device):
    x = torch.ones(2, 2, device=device)
    types = []

    def note():
        types.append((x @ x).dtype)

    with torch.autocast(device, dtype=torch.bfloat16):
        note()
        with torch.autocast(device, enabled=False):
            note()
            with torch.autocast(device, dtype=torch.float16):
                note()
            note()
        note()
    note()
    full, brain, half = torch.float32, torch.bfloat16, torch.float16
    assert types == [brain, full, half, full, brain, full]


def test_one_block_object_may_be_entered_again():
    block = torch.autocast("cpu")

    @block
    def product(depth):
        if depth:
            product(depth - 1)
        return torch.is_autocast_enabled("cpu")

    with block:
        assert product(2) and torch.is_autocast_enabled("cpu")
    assert product(1) and not torch.is_autocast_enabled("cpu")


def test_an_exception_ends_it():
    with contextlib.suppress(KeyError), torch.autocast("cpu"):
        raise KeyError
    assert not torch.is_autocast_enabled("cpu")


def test_as_a_decorator_of_functions_and_methods():
    class Model:
        @torch.autocast("cpu")
        def forward(self, x):
            """Product."""
            return x @ x

    @torch.autocast("cpu", dtype=torch.float16)
    def function(x):
        return x @ x

    @torch.autocast("cpu")
    def steps():
        yield torch.is_autocast_enabled("cpu")

    x = torch.ones(2, 2)
    assert Model().forward(x).dtype is torch.bfloat16 and Model.forward.__doc__ == "Product."
    assert function(x).dtype is torch.float16 and (x @ x).dtype is torch.float32
    assert list(steps()) == [False]  # only the call is within, as in PyTorch
    with pytest.raises(TypeError, match=r"requires a callable, but got int. Did you mean"):
        torch.autocast("cpu")(3)


def test_each_thread_has_its_own():
    seen, entered, left = [], threading.Event(), threading.Event()
    x = torch.ones(2, 2)

    def other():
        entered.wait(10)
        seen.append((x @ x).dtype)
        with torch.autocast("cpu", dtype=torch.float16):
            seen.append((x @ x).dtype)
        left.set()

    thread = threading.Thread(target=other)
    thread.start()
    with torch.autocast("cpu"):
        entered.set()
        left.wait(10)
        seen.append((x @ x).dtype)
    thread.join()
    assert seen == [torch.float32, torch.float16, torch.bfloat16]


def test_while_it_is_off_ops_run_what_they_ran():
    plain = {op: op.run for op in OPS.values()}
    with torch.autocast("cpu"):
        changed = {op.name for op in OPS.values() if op.run is not plain[op]}
        assert changed == set(table._by_op())
        with torch.autocast("cuda"):
            pass
        assert OPS["mm"].run is not plain[OPS["mm"]]
    assert all(op.run is plain[op] for op in OPS.values())


@pytest.mark.parametrize(
    ("run", "error", "match"),
    [
        (lambda: torch.autocast(torch.device("cpu")), ValueError, "Expected `device_type` of type `str`"),
        (lambda: torch.autocast("gpu"), RuntimeError, "Expected one of cpu, cuda"),
        (lambda: torch.autocast("meta"), RuntimeError, "unsupported autocast device_type 'meta'"),
        (lambda: torch.is_autocast_enabled(1), TypeError, r"'device_type' \(position 1\) must be str, not int"),
        (lambda: torch.set_autocast_enabled("cpu", 1), TypeError, r"'enabled' \(position 2\) must be bool, not int"),
        (lambda: torch.set_autocast_enabled("cpu"), TypeError, r"'enabled' \(position 1\) must be bool, not str"),
        (lambda: torch.set_autocast_dtype("cpu", 1), TypeError, r"'dtype' \(position 2\) must be torch.dtype"),
        (lambda: torch.set_autocast_dtype("meta", torch.float16), RuntimeError, "no autocast on device_type 'meta'"),
        (lambda: torch.get_autocast_dtype("meta"), RuntimeError, "no autocast on device_type 'meta'"),
        (lambda: torch.set_autocast_cache_enabled(1), TypeError, r"enabled must be a bool \(got int\)"),
        (lambda: torch.amp.custom_fwd(device_type=1), ValueError, "Expected `device_type` of type `str`"),
        (lambda: torch.amp.custom_bwd(device_type=1), ValueError, "Expected `device_type` of type `str`"),
    ],
)  # fmt: skip
def test_refused(run, error, match):
    with pytest.raises(error, match=match):
        run()


def test_a_type_that_autocast_does_not_have_switches_it_off_with_a_warning():
    with pytest.warns(
        UserWarning, match=r"In CPU autocast, but the target dtype is not supported. Disabling"
    ):
        block = torch.autocast("cpu", dtype=torch.float32)
    x = torch.ones(2, 2)
    with block:
        assert (x @ x).dtype is torch.float32
    with torch.autocast("cuda", dtype=torch.float32):
        assert (x.half().cuda() @ x.cuda()).dtype is torch.float32


def test_no_gpu_switches_it_off_with_a_warning(monkeypatch):
    monkeypatch.setattr("tritonnn.amp.autocast_mode.is_available", lambda: False)
    with pytest.warns(UserWarning, match="CUDA is not available. Disabling autocast"):
        block = torch.autocast("cuda")
    with block:
        assert not torch.is_autocast_enabled("cuda")


def test_older_names_say_what_to_write():
    for module, name in ((torch.cuda, "cuda"), (torch.cpu, "cpu")):
        with pytest.warns(FutureWarning, match=rf"use `torch.amp.autocast\('{name}', args...\)` instead"):
            block = module.amp.autocast()
        assert isinstance(block, torch.autocast) and block.device == name
        with pytest.warns(FutureWarning, match=rf"use `torch.amp.GradScaler\('{name}', args...\)` instead"):
            assert isinstance(module.amp.GradScaler(), torch.amp.GradScaler)
    for name in ("custom_fwd", "custom_bwd"):
        with pytest.warns(FutureWarning, match=rf"use `torch.amp.{name}\(args..., device_type='cuda'\)`"):
            getattr(torch.cuda.amp, name)(lambda ctx: None)
    for name, args, result in (
        ("is_autocast_cpu_enabled", (), False), ("get_autocast_cpu_dtype", (), torch.bfloat16),
        ("get_autocast_gpu_dtype", (), torch.float16), ("set_autocast_cpu_enabled", (False,), None),
        ("set_autocast_cpu_dtype", (torch.bfloat16,), None), ("set_autocast_gpu_dtype", (torch.float16,), None),
    ):  # fmt: skip
        with pytest.warns(DeprecationWarning, match=rf"torch.{name}\(.*\) is deprecated. Please use torch."):
            assert getattr(torch, name)(*args) is result


def test_switches_by_hand():
    x = torch.ones(2, 2)
    torch.set_autocast_enabled("cpu", True)
    try:
        assert (x @ x).dtype is torch.bfloat16
        torch.set_autocast_dtype("cpu", torch.float16)
        assert (x @ x).dtype is torch.float16 and torch.get_autocast_dtype("cpu") is torch.float16
    finally:
        torch.set_autocast_dtype("cpu", torch.bfloat16)
        torch.set_autocast_enabled("cpu", False)
    torch.set_autocast_enabled(True)  # of cuda
    assert torch.is_autocast_enabled() and torch.is_autocast_enabled("cuda")
    torch.set_autocast_enabled(False)
    assert not torch.is_autocast_enabled()
