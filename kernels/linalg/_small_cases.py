"""Small matrices in the compile check: the largest ones of every kernel, and some that share a program."""

from __future__ import annotations

from typing import Any

from tritonnn.kernels.check.case import Case
from tritonnn.kernels.linalg import _small
from tritonnn.kernels.tables.linalg import LARGEST, choose_matrices

# Operands lie by rows, results by columns. {t}: the elements; {n}: rows, {nn}: elements of a matrix; {c}: right-hand
# sides, {b}: blocks of them.
_SOLVE = (
    "*{t} *i32 *{t} %s i32:16 {n} {c} {b} (i32:16) ({nn}) (i32=1) ({nn}) ({nn}) i32=1 {n} {n} i32=1 {c} i32=1"
)
_KERNELS = {
    "solve": (_small.solve_kernel, _SOLVE % "*{t}", {}),
    "inverse": (_small.solve_kernel, _SOLVE % "None", {}),
    **{
        name: (
            _small.triangular_kernel,
            "*{t} *{t} *{t} i32:16 {n} {c} {b} (i32:16) ({nn}) ({nn}) ({nn}) i32=1 {n} {n} i32=1 {c} i32=1",
            {"UPPER": upper, "UNIT": unit},
        )
        for name, upper, unit in (("lower", False, False), ("upper", True, False), ("unit", False, True))
    },
    "cholesky": (
        _small.cholesky_kernel, "*{t} *i32 *{t} i32:16 {n} (i32:16) ({nn}) (i32=1) ({nn}) i32=1 {n} {n} i32=1", {},
    ),
    "det": (_small.determinant_kernel, "*{t} None *{t} i32:16 {n} (i32:16) (i32=1) (i32=1) ({nn}) {n} i32=1", {}),
    "slogdet": (_small.determinant_kernel, "*{t} *{t} *{t} i32:16 {n} (i32:16) (i32=1) (i32=1) ({nn}) {n} i32=1", {}),
}  # fmt: skip


def _number(x: int) -> str:
    return "i32=1" if x == 1 else "i32" if x % 16 else "i32:16"


def _case(name: str, t: str, n: int, columns: int) -> Case:
    """A kernel on very many matrices of n rows."""
    kernel, signature, own = _KERNELS[name]
    several = "COLUMNS" in kernel.arg_names
    tile = choose_matrices(1 << 20, n, columns if several else 0, 8 if t == "fp64" else 4)
    blocks = -(-columns // tile.columns)
    sizes = {"n": n, "nn": n * n, "c": columns, "b": blocks}
    constants = {**own, "M": tile.matrices, "SIZE": tile.size, "INT64": False}
    if several:
        constants["COLUMNS"] = tile.columns
    return Case(
        kernel, signature.format(t=t, **{key: _number(x) for key, x in sizes.items()}), constants,
        label=f"{name},{t},{n}x{columns}", num_warps=tile.warps,
    )  # fmt: skip


def cases() -> list[Case]:
    """The largest matrices of every kernel; of equations every size of a tile, and one right-hand side as well."""
    found: dict[tuple[Any, ...], Case] = {}
    for t in ("fp32", "fp64"):
        rows = [(name, n, n) for name in _KERNELS for n in (3, LARGEST)]
        rows += [("solve", n, columns) for n in (1, 2, 5, 16, LARGEST) for columns in (1, n)]
        found |= {(name, t, n, columns): _case(name, t, n, columns) for name, n, columns in rows}
    return list(found.values())
