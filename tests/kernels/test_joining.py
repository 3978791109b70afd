"""Joining many tensors in one launch: layouts, types, sizes, alignment, and how many launches there are."""

from __future__ import annotations

import numpy as np
import pytest
from buffers import buffer, run, strided

from tritonnn.kernels import joining
from tritonnn.kernels.joining import cat


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    values = rng.integers(0, 100, shape)
    return (
        (values + 1j * rng.integers(0, 9, shape)).astype(dtype) if dtype[0] == "c" else values.astype(dtype)
    )


def turned(array: np.ndarray) -> np.ndarray:
    """The same values with the dimensions in memory the other way round."""
    return np.ascontiguousarray(array.T).T


def shifted(array: np.ndarray) -> np.ndarray:
    """The same values one element further in memory."""
    wide = np.empty(array.size + 1, array.dtype)
    view = wide[1:].reshape(array.shape)
    view[...] = array
    return view


LAYOUTS = {"contiguous": np.ascontiguousarray, "turned": turned, "shifted": shifted, "strided": strided}


def check(arrays: list[np.ndarray], dim: int, dtype: str = "", layout=np.ascontiguousarray) -> None:
    wanted = np.concatenate([a for a in arrays if a.ndim == arrays[0].ndim], dim).astype(
        dtype or arrays[0].dtype
    )
    out = layout(np.empty_like(wanted))
    out[...] = 77
    cat(buffer(out), [buffer(a) for a in arrays], dim)
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_shapes_and_layouts(dim: int, dtype: str) -> None:
    rng = np.random.default_rng(dim)
    for number, (name, layout) in enumerate(LAYOUTS.items()):
        for lengths in ((1, 1, 1), (4, 8), (16, 32, 16), (3, 1, 5), (2, 0, 7)):
            shape = [(8, 2, 16), (3, 4, 5), (1, 16, 1)][(number + len(lengths)) % 3]
            arrays = [layout(numbers(rng, (*shape[:dim], n, *shape[dim + 1 :]), dtype)) for n in lengths]
            check(arrays, dim)
            check(arrays, dim, layout=LAYOUTS["turned" if name == "contiguous" else "strided"])


@pytest.mark.parametrize("count", [2, 3, 31, 33, 70])
def test_many(count: int) -> None:
    rng = np.random.default_rng(count)
    arrays = [numbers(rng, (3, int(n)), "f4") for n in rng.integers(0, 9, count)]
    check(arrays, 1)


def test_mixed_types() -> None:
    rng = np.random.default_rng(0)
    arrays = [numbers(rng, (4, 16), dtype) for dtype in ("f4", "f2", "i8", "f4", "f2", "?", "u1", "?")]
    check(arrays, 0)
    check(arrays, 1, "f8")
    check(arrays, 1, "c8")
    check([a[:, :15] for a in arrays], 1, "f2")


def test_strides_of_zero_and_empty_vectors() -> None:
    rng = np.random.default_rng(0)
    row = np.broadcast_to(numbers(rng, (1, 8), "f4"), (4, 8))
    column = np.broadcast_to(numbers(rng, (4, 1), "f4"), (4, 8))
    legacy = np.empty((0,), "f4")
    check([row, column, legacy, row], 1)
    check([row, legacy, column], 0)


def launches(monkeypatch: pytest.MonkeyPatch, arrays: list[np.ndarray], dim: int) -> list[dict]:
    """The constants of each launch of the kernel, in the order of launches."""
    seen: list[dict] = []
    monkeypatch.setattr(joining, "launch", lambda kernel, grid, *args, **constants: seen.append(constants))
    shape = np.concatenate([np.empty(a.shape, "u1") for a in arrays], dim).shape
    joining.cat.__wrapped__(buffer(_aligned(shape, arrays[0].dtype)), [buffer(a) for a in arrays], dim)
    return seen


def _aligned(shape: tuple[int, ...], dtype: object = "f2") -> np.ndarray:
    count = int(np.prod(shape))
    wide = np.empty(count + 16, dtype)
    at = -wide.ctypes.data % 16 // wide.itemsize
    return wide[at : at + count].reshape(shape)


def test_one_launch_of_the_widest_accesses(monkeypatch: pytest.MonkeyPatch) -> None:
    for dim in (0, 1):
        (constants,) = launches(monkeypatch, [_aligned((8, 16)), _aligned((8, 16)), _aligned((8, 16))], dim)
        assert constants["GRID"] == 2 and constants["COMPUTE"].name == "int64"
    (constants,) = launches(monkeypatch, [_aligned((8, 16)), _aligned((8, 6))], 1)
    assert constants["GRID"] == 1 and constants["COMPUTE"].name == "int32"
    (constants,) = launches(monkeypatch, [_aligned((8, 16)), _aligned((8, 3))], 1)
    assert constants["GRID"] == 1 and constants["COMPUTE"].name == "int16"


def test_odd_tensors_do_not_slow_down_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = [_aligned((1 << 19,)), _aligned((1 << 19,)), _aligned((3,)), _aligned((5,))]
    assert [c["GRID"] for c in launches(monkeypatch, arrays, 0)] == [2, 1]


def test_offsets_of_64_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    def far(array: np.ndarray, stride: int) -> np.ndarray:
        return np.lib.stride_tricks.as_strided(array, array.shape, (stride * array.itemsize, array.itemsize))

    near = launches(monkeypatch, [_aligned((4, 8)), far(_aligned((4, 8)), 1 << 28)], 1)
    assert not near[0]["INT64"]
    wide = launches(monkeypatch, [_aligned((4, 8)), far(_aligned((4, 8)), 1 << 30)], 1)
    assert wide[0]["INT64"]


def test_flip() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(
        run(joining.flip, np.empty_like(array), array, (0, 2)), array[::-1, :, ::-1]
    )
