"""Dtypes for storing and exchanging: what they are, convert to, and what takes them, is as with PyTorch."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as theirs

import tritonnn as ours
from tritonnn import dtypes
from tritonnn.utils import safetensors

ALL = tuple(dtypes.dtype._all)
SHELLS = tuple(d.name for d in dtypes.SHELLS)
NARROW = ("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
NEW = ("complex32", *NARROW, *SHELLS)


def outcome(call: Callable, *args: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(call(*args)).replace("tritonnn", "torch")
        except Exception as error:
            return type(error)


def test_all_are_there() -> None:
    names = {n for n in vars(theirs) if isinstance(getattr(theirs, n), theirs.dtype) and "q" not in n}
    assert {n for n in names if getattr(ours, n, None) is None} == set()
    assert {n: getattr(ours, n).name for n in names} == {n: str(getattr(theirs, n))[6:] for n in names}


PROPERTIES = {
    "itemsize": lambda d: d.itemsize,
    "is_signed": lambda d: d.is_signed,
    "is_complex": lambda d: d.is_complex,
    "is_floating_point": lambda d: d.is_floating_point,
    "abbr": lambda d: d.abbr,
    "to_real": lambda d: d.to_real(),
    "to_complex": lambda d: d.to_complex(),
}


@pytest.mark.parametrize("name", ALL)
def test_properties(name: str) -> None:
    for what, call in PROPERTIES.items():
        assert outcome(call, getattr(ours, name)) == outcome(call, getattr(theirs, name)), what


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", ["finfo", "iinfo"])
def test_limits(kind: str, name: str) -> None:
    for what in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
        got, wanted = (
            outcome(lambda t, w=what: getattr(getattr(t, kind)(getattr(t, name)), w), t)
            for t in (ours, theirs)
        )
        assert got == wanted, what
    if name != "float4_e2m1fn_x2":
        got, wanted = (outcome(lambda t: getattr(t, kind)(getattr(t, name)), t) for t in (ours, theirs))
        assert got == wanted


@pytest.mark.parametrize("name", ALL)
def test_promotion(name: str) -> None:
    for other in ALL:
        for function in ("promote_types", "can_cast"):
            got, wanted = (
                outcome(lambda t, f=function, o=other: getattr(t, f)(getattr(t, name), getattr(t, o)), t)
                for t in (ours, theirs)
            )
            assert got == wanted, (function, other)
    for value in (True, 1, 1.0, 1j):
        for shape in ((2,), ()):
            got, wanted = (
                outcome(lambda t, s=shape, v=value: t.result_type(t.empty(s, dtype=getattr(t, name)), v), t)
                for t in (ours, theirs)
            )
            assert got == wanted, (value, shape)


def numbers(dtype: str) -> Any:
    """Many numbers of a dtype of PyTorch: random bits, ends of ranges, and what lies beside halves of units."""
    rng = np.random.default_rng(0)
    count = 30000
    bits = rng.integers(0, 2**32, count, dtype=np.uint64).astype(np.uint32)
    near = (rng.integers(0, 2**12, count, dtype=np.uint64) << np.uint64(20)) + rng.integers(
        0, 3, count
    ).astype(np.uint64)
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 240, 248, 256, 57344, 61440, 65536, 1e-40, 2.0**-127, 3e38]
    floats = np.concatenate([bits.view(np.float32), (near - np.uint64(1)).astype(np.uint32).view(np.float32),
                             np.array(edges, np.float32)])  # fmt: skip
    if dtype == "float64":  # which is rounded to float32 first
        with np.errstate(all="ignore"):
            return theirs.from_numpy(
                floats.astype(np.float64) * (1 + rng.choice([-1, 0, 1], floats.size) * 1e-10)
            )
    if dtype in ("int64", "int32"):
        whole = rng.integers(-(2**31), 2**31, 3000) >> rng.integers(0, 31, 3000)
        return theirs.from_numpy(whole).to(getattr(theirs, dtype))
    if dtype in ("uint8", "int8", "bool"):
        return theirs.arange(256).to(getattr(theirs, dtype))
    return theirs.from_numpy(floats).to(getattr(theirs, dtype))


SOURCES = (
    "float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "int8", "bool", "complex64", "complex32",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:Casting complex values")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", NARROW)
def test_rounding(name: str, source: str, device: str) -> None:
    """Bit for bit."""
    given = numbers(source)
    wanted = given.to(getattr(theirs, name)).view(theirs.uint8).numpy()
    got = ours.from_dlpack(given).to(device).to(getattr(ours, name)).view(ours.uint8).cpu().numpy()
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.filterwarnings("ignore:Casting complex values")
@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
@pytest.mark.parametrize("source", SOURCES)
def test_rounding_of_the_others(name: str, source: str) -> None:
    """NaN has one code, and its sign, on the CPU as there."""
    given = numbers(source)
    wanted = given.to(getattr(theirs, name)).view(theirs.uint8).numpy()
    np.testing.assert_array_equal(
        ours.from_dlpack(given).to(getattr(ours, name)).view(ours.uint8).numpy(), wanted
    )


@pytest.mark.filterwarnings("ignore:Casting complex values")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("target", [*SOURCES, "float8_e5m2", "float8_e4m3fnuz", "float8_e8m0fnu"])
@pytest.mark.parametrize("name", NARROW)
def test_all_codes(name: str, target: str, device: str) -> None:
    """Bit for bit, but for NaN on a GPU, which is one; and for whole numbers of NaN and of what they do not hold."""
    codes = theirs.arange(256, dtype=theirs.uint8).view(getattr(theirs, name))
    mine = ours.arange(256, dtype=ours.uint8).to(device).view(getattr(ours, name)).to(getattr(ours, target))
    got = mine.view(ours.uint8).cpu().numpy().reshape(256, -1)
    wanted = codes.to(getattr(theirs, target)).view(theirs.uint8).numpy().reshape(256, -1)
    size = codes.float().numpy()
    compared = np.ones(256, bool)
    if getattr(ours, target).kind == 1:
        compared = np.abs(size) < 2.0 ** (8 * getattr(ours, target).itemsize - 1)
    elif device == "cuda":
        compared = size == size
        nan = mine.float() if not mine.is_complex() else mine.cfloat().real
        assert bool(nan.isnan().cpu().numpy()[~compared].all()) == (target != "bool")
    np.testing.assert_array_equal(got[compared], wanted[compared])


BYTES = (0, 1, 2, 3)
# of a library t, a dtype d and a tensor x of it over BYTES
CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "empty": lambda t, d, x: t.empty(2, dtype=d).shape,
    "zeros": lambda t, d, x: t.zeros(4, dtype=d).view(t.uint8),
    "ones": lambda t, d, x: t.ones(4, dtype=d).view(t.uint8),
    "full": lambda t, d, x: t.full((4,), 0, dtype=d).view(t.uint8),
    "full of 0.0": lambda t, d, x: t.full((4,), 0.0, dtype=d).view(t.uint8),
    "full of -2.0": lambda t, d, x: t.full((4,), -2.0, dtype=d).view(t.uint8),
    "full of 300": lambda t, d, x: t.full((4,), 300.0, dtype=d).view(t.uint8),
    "one full of 300": lambda t, d, x: t.full((1,), 300.0, dtype=d).view(t.uint8),
    "full of inf": lambda t, d, x: t.full((4,), float("inf"), dtype=d).view(t.uint8),
    "tensor": lambda t, d, x: t.tensor([1, 0, 300.0, -2.5], dtype=d).view(t.uint8),
    "view": lambda t, d, x: x.view(t.uint8),
    "dtype": lambda t, d, x: (x.dtype, x.element_size(), x.shape, x.type()),
    "to float32": lambda t, d, x: x.to(t.float32),
    "to uint8": lambda t, d, x: x.to(t.uint8),
    "to itself": lambda t, d, x: x.to(d).dtype,
    "from float32": lambda t, d, x: t.ones(4).to(d).view(t.uint8),
    "from uint8": lambda t, d, x: t.ones(4, dtype=t.uint8).to(d).view(t.uint8),
    "copy_ of float32": lambda t, d, x: x.copy_(t.ones(x.shape)).view(t.uint8),
    "clone": lambda t, d, x: x.clone().view(t.uint8),
    "deepcopy": lambda t, d, x: copy.deepcopy(x).view(t.uint8),
    "copy_": lambda t, d, x: t.zeros_like(x).copy_(x).view(t.uint8),
    "contiguous": lambda t, d, x: t.cat([x, x]).view(2, -1).t().contiguous().view(t.uint8),
    "element": lambda t, d, x: x[0],
    "slice": lambda t, d, x: x[1:].dtype,
    "index by a list": lambda t, d, x: x[[0]].view(t.uint8),
    "item": lambda t, d, x: x[0].item(),
    "tolist": lambda t, d, x: x.tolist(),
    "bool": lambda t, d, x: bool(x[0]),
    "cat": lambda t, d, x: t.cat([x, x]).view(t.uint8),
    "stack": lambda t, d, x: t.stack([x, x]).view(t.uint8),
    "fill_": lambda t, d, x: x.fill_(1).view(t.uint8),
    "zero_": lambda t, d, x: x.zero_().view(t.uint8),
    "zeros_like": lambda t, d, x: t.zeros_like(x).view(t.uint8),
    "empty_like": lambda t, d, x: t.empty_like(x).dtype,
    "eq": lambda t, d, x: x == x,
    "ne": lambda t, d, x: x != x,
    "lt": lambda t, d, x: x < x,
    "add": lambda t, d, x: (x + x).dtype,
    "add 1": lambda t, d, x: (x + 1).dtype,
    "sum": lambda t, d, x: x.sum(),
    "isnan": lambda t, d, x: x.isnan(),
    "any": lambda t, d, x: x.any(),
    "dlpack": lambda t, d, x: (t.from_dlpack(x).dtype, t.from_dlpack(x).view(t.uint8)),
    "requires_grad_": lambda t, d, x: x.requires_grad_().dtype,
    "default": lambda t, d, x: t.set_default_dtype(d),
    "questions": lambda t, d, x: (t.is_floating_point(x), t.is_complex(x), x.is_signed()),
    "randn": lambda t, d, x: t.randn(2, dtype=d).dtype,
    "nonzero": lambda t, d, x: x.nonzero(),
    "write 1": lambda t, d, x: x.__setitem__(0, 1),
    "write an element": lambda t, d, x: x.__setitem__(0, x[0].clone()),
    "repeat": lambda t, d, x: x.repeat(2).view(t.uint8),
    "roll": lambda t, d, x: x.roll(0).view(t.uint8),
    "as_tensor": lambda t, d, x: t.as_tensor(x).dtype,
    "where": lambda t, d, x: t.where(t.ones(1, dtype=t.bool), x, x).view(t.uint8),
    "index_select": lambda t, d, x: x.index_select(0, t.tensor([0])).view(t.uint8),
    "embedding": lambda t, d, x: t.nn.functional.embedding(t.tensor([0]), x[:, None]).view(t.uint8),
    "masked_select": lambda t, d, x: x.masked_select(t.ones(1, dtype=t.bool)).view(t.uint8),
    "eye": lambda t, d, x: t.eye(2, dtype=d).dtype,
    "arange": lambda t, d, x: t.arange(2, dtype=d),
    "repr": lambda t, d, x: repr(x),
    "repr of zeros": lambda t, d, x: repr(t.zeros(2, dtype=d)),
    "repr of nothing": lambda t, d, x: repr(t.empty(0, dtype=d)),
    "numpy of float32": lambda t, d, x: x.to(t.float32).numpy(),
    "make_tensor": lambda t, d, x: t.testing.make_tensor(2, dtype=d, device="cpu").dtype,
    "gradient": lambda t, d, x: _gradient(t, d),
}  # fmt: skip


def _gradient(t: Any, d: Any) -> Any:
    leaf = t.tensor([1.0, 2.0], requires_grad=True)
    (leaf.to(d).to(t.float32) * 3).sum().backward()
    return leaf.grad


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("call", CALLS)
def test_operation(call: str, name: str) -> None:
    got, wanted = (
        outcome(
            lambda t: CALLS[call](t, getattr(t, name), t.tensor(BYTES, dtype=t.uint8).view(getattr(t, name))),
            t,
        )
        for t in (ours, theirs)
    )
    if isinstance(wanted, type):
        assert isinstance(got, type) and issubclass(got, wanted)
    else:
        assert got == wanted


@pytest.mark.parametrize("name", [n for n in NEW if n not in {d.name for d in dtypes.FEW_BITS}])
@pytest.mark.parametrize("old", [False, True])
def test_files(name: str, old: bool) -> None:
    """Either library loads what the other saved; PyTorch does not save numbers of a few bits."""
    for saver, loader in ((ours, theirs), (theirs, ours)):
        x = saver.arange(8, dtype=saver.uint8).view(getattr(saver, name))
        file = io.BytesIO()
        saver.save({"x": x}, file, _use_new_zipfile_serialization=not old)
        file.seek(0)
        loaded = loader.load(file)["x"]
        assert str(loaded.dtype) == f"torch.{name}" and loaded.view(loader.uint8).tolist() == list(range(8))


def test_files_of_a_few_bits() -> None:
    """Which only tritonnn saves, and PyTorch loads."""
    for kind in dtypes.FEW_BITS:
        file = io.BytesIO()
        ours.save(ours.arange(8, dtype=ours.uint8).view(kind), file)
        for loader in (ours, theirs):
            file.seek(0)
            loaded = loader.load(file)
            assert str(loaded.dtype) == f"torch.{kind.name}"
            assert loaded.view(loader.uint8).tolist() == list(range(8))


def test_order_in_safetensors(tmp_path: Any) -> None:
    package = pytest.importorskip("safetensors.torch")
    names = ("float8_e4m3fn", "float8_e5m2", *NARROW, "float4_e2m1fn_x2", "int8", "uint8", "int16")
    tensors = {n: theirs.arange(4, dtype=theirs.uint8).view(getattr(theirs, n)) for n in names}
    mine = {n: ours.arange(4, dtype=ours.uint8).view(getattr(ours, n)) for n in names}
    assert safetensors.save(mine) == package.save(tensors)


@pytest.mark.parametrize("name", [*NARROW, "float4_e2m1fn_x2"])
def test_safetensors(name: str, tmp_path: Any) -> None:
    """Either package reads what the other wrote."""
    package = pytest.importorskip("safetensors.torch")
    mine, other = tmp_path / "mine.safetensors", tmp_path / "other.safetensors"
    x = theirs.arange(8, dtype=theirs.uint8).view(getattr(theirs, name)).view(2, 4)
    package.save_file({"x": x}, other)
    loaded = safetensors.load_file(other)["x"]
    assert loaded.dtype is getattr(ours, name) and tuple(loaded.shape) == (2, 4)
    safetensors.save_file({"x": loaded}, mine)
    assert mine.read_bytes() == other.read_bytes()
    assert loaded.view(ours.uint8).tolist() == x.view(theirs.uint8).tolist()


@pytest.mark.parametrize("name", NEW)
def test_on_the_device(name: str) -> None:
    """What moves elements moves them on the simulated GPU as well."""
    kind = getattr(ours, name)
    x = ours.arange(24, dtype=ours.uint8).view(kind)
    y = x.to("cuda")
    steps = {
        "back": lambda z: z, "cat": lambda z: ours.cat([z, z]), "roll": lambda z: z.roll(1),
        "zeros": lambda z: ours.zeros_like(z),
        "where": lambda z: ours.where(ours.tensor([True, False, False] * (len(z) // 3), device=z.device), z, z.roll(1)),
        "lookup": lambda z: ours.nn.functional.embedding(ours.tensor([1, 0], device=z.device), z.view(2, -1)),
    }  # fmt: skip
    if kind not in dtypes.FEW_BITS:
        steps |= {"transposed": lambda z: z.view(2, -1).t().contiguous(), "repeat": lambda z: z.repeat(2)}
    for step, call in steps.items():
        assert call(y).cpu().view(ours.uint8).tolist() == call(x).view(ours.uint8).tolist(), step
