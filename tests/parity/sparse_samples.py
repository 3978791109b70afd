"""Sparse tensors drawn at random, alike in both libraries, and what is compared of results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

BY_ROWS = ("csr", "bsr")
PARTS = {
    "coo": ("_indices", "_values", "is_coalesced"), "csr": ("crow_indices", "col_indices", "values"),
    "bsr": ("crow_indices", "col_indices", "values"), "csc": ("ccol_indices", "row_indices", "values"),
    "bsc": ("ccol_indices", "row_indices", "values"),
}  # fmt: skip


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    drawn = rng.normal(size=shape)
    if dtype == "bool":
        return drawn > 0
    if dtype.startswith("complex"):
        return (drawn + 1j * rng.normal(size=shape)).astype(dtype)
    return (np.round(3 * drawn) if dtype.startswith("int") else drawn).astype(dtype)


def tensor(t: Any, values: np.ndarray) -> Any:
    return t.from_numpy(np.ascontiguousarray(values)) if values.shape else t.tensor(values.item())


@dataclass(frozen=True)
class Kind:
    """A layout with a shape, a type, and how many values; `make` draws one."""

    name: str
    layout: str
    shape: tuple[int, ...]
    dtype: str = "float64"
    index: str = "int64"
    batch: int = 0
    dense: int = 0
    nnz: int = 5
    twice: bool = False
    block: tuple[int, int] = field(default=(2, 3))

    def make(self, t: Any, seed: int = 0) -> Any:
        rng = np.random.default_rng(seed)
        return self._coo(t, rng) if self.layout == "coo" else self._compressed(t, rng)

    def _coo(self, t: Any, rng: np.random.Generator) -> Any:
        extents = self.shape[: len(self.shape) - self.dense]
        total = int(np.prod(extents))
        count = min(self.nnz, total)
        flat = rng.integers(0, total, count) if self.twice else np.sort(rng.permutation(total)[:count])
        if self.twice:
            flat[-1] = flat[0]
        places = np.array(np.unravel_index(flat, extents) if extents else np.zeros((0, count))).astype(
            np.int64
        )
        values = numbers(rng, (count, *self.shape[len(extents) :]), self.dtype)
        known = None if self.twice else True
        return t.sparse_coo_tensor(tensor(t, places), tensor(t, values), self.shape, is_coalesced=known)

    def _compressed(self, t: Any, rng: np.random.Generator) -> Any:
        outer, (rows, columns) = self.shape[: self.batch], self.shape[self.batch : self.batch + 2]
        block = self.block if self.layout[0] == "b" else (1, 1)
        lines, across = rows // block[0], columns // block[1]
        if self.layout not in BY_ROWS:
            lines, across = across, lines
        count = min(self.nnz, lines * across)
        flat = [np.sort(rng.permutation(lines * across)[:count]) for _ in range(int(np.prod(outer)))]
        starts = np.array([np.searchsorted(f // across, np.arange(lines + 1)) for f in flat])
        places = np.array([f % across for f in flat])
        blocks = block if self.layout[0] == "b" else ()
        values = numbers(rng, (*outer, count, *blocks, *self.shape[self.batch + 2 :]), self.dtype)
        return getattr(t, f"sparse_{self.layout}_tensor")(
            tensor(t, starts.reshape(*outer, -1).astype(self.index)),
            tensor(t, places.reshape(*outer, count).astype(self.index)), tensor(t, values), self.shape,
        )  # fmt: skip

    def near(self, t: Any, seed: int, shape: tuple[int, ...] | None = None) -> Any:
        """A dense tensor of the same type."""
        return tensor(
            t, numbers(np.random.default_rng(seed), self.shape if shape is None else shape, self.dtype)
        )


KINDS = [
    Kind("coo", "coo", (4, 6)), Kind("coo twice", "coo", (4, 6), nnz=8, twice=True),
    Kind("coo 3-d", "coo", (2, 4, 6), nnz=9), Kind("coo hybrid", "coo", (4, 6, 2), dense=1),
    Kind("coo empty", "coo", (4, 6), nnz=0), Kind("coo 0-d", "coo", (), nnz=1), Kind("coo 1-d", "coo", (5,), nnz=3),
    Kind("coo int twice", "coo", (4, 6), "int32", nnz=8, twice=True), Kind("coo bool", "coo", (4, 6), "bool"),
    Kind("coo complex twice", "coo", (4, 6), "complex128", nnz=8, twice=True),
    Kind("coo half", "coo", (4, 6), "float16"),
    Kind("csr", "csr", (4, 6), nnz=3), Kind("csr batch", "csr", (2, 4, 6), batch=1, nnz=3),
    Kind("csr empty", "csr", (4, 6), nnz=0), Kind("csr square", "csr", (6, 6), index="int32", nnz=3),
    Kind("csc square", "csc", (6, 6), index="int32", nnz=3), Kind("bsr", "bsr", (4, 6), nnz=3),
    Kind("bsr empty", "bsr", (4, 6), nnz=0), Kind("bsc batch", "bsc", (2, 4, 6), batch=1, nnz=3),
    Kind("csr complex", "csr", (4, 6), "complex128", nnz=3), Kind("bsr hybrid", "bsr", (4, 6, 2), dense=1, nnz=3),
]  # fmt: skip


def layout_of(value: Any) -> str:
    return repr(value.layout).rpartition(".")[2].removeprefix("sparse_")


def parts(value: Any) -> Any:
    """The layout, type, shape and parts of a result."""
    if isinstance(value, (list, tuple)):
        return [parts(v) for v in value]
    if not hasattr(value, "layout"):
        return value
    value = value.detach()
    head = [layout_of(value), str(value.dtype), list(value.shape)]
    if head[0] == "strided":
        return [*head, value.tolist()]
    return [*head, *[parts(getattr(value, name)()) for name in PARTS[head[0]]]]


def elements(value: Any) -> Any:
    """The type, shape and elements of a result, whatever its layout."""
    if isinstance(value, (list, tuple)):
        return [elements(v) for v in value]
    if not hasattr(value, "layout"):
        return value
    value = value.detach()
    dense = value if layout_of(value) == "strided" else value.to_dense()
    return [str(value.dtype), list(value.shape), dense.tolist()]


def same(a: Any, b: Any, room: float = 1e-3) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y, room) for x, y in zip(a, b, strict=True))
    if isinstance(a, (float, complex)) and isinstance(b, (float, complex)):
        return bool(np.isclose(a, b, rtol=room, atol=room / 10, equal_nan=True))
    return type(a) is type(b) and a == b
