"""The losses in the compile check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triton import language as tl

from tritonnn.dtypes import bfloat16, float32
from tritonnn.kernels.check.case import Case, Work, by_warp, elements, elements_of_long_rows
from tritonnn.kernels.loss import _cross_entropy
from tritonnn.kernels.loss import _elementwise as _loss
from tritonnn.kernels.softmax import LONGEST_ROW, choose_walk, read_again, shift

_COMMON: dict[str, Any] = {"ACC": tl.float32, "INT64": False}


def _class_cases(
    kind: str, classes: int, rows: bool, smooth: bool, with_grad: Sequence[bool] = ()
) -> list[Case]:
    """Cross-entropy of rows or of channel-first scores: backward, and forward with and without gradient as given."""
    walk, dtype = choose_walk(8192, classes, rows, LONGEST_ROW), bfloat16 if kind == "bf16" else float32
    walk, shifted = (
        shift(walk, classes, (1,), ((classes,),), (dtype,)) if rows and not with_grad else (walk, False)
    )
    size_of = dtype.itemsize
    size = "i32=1" if classes == 1 else "i32" if classes % 16 else "i32:16"
    row_strides, stride_c = (f"({size})", "i32=1") if rows else ("(i32:16 i32=1)", "i32:16")
    shape, flat = ("(i32:16)", "(i32=1)") if rows else ("(i32:16 i32:16)", "(i32:16 i32=1)")
    promise = (
        "both" if shifted or size == "i32:16" or (not rows and classes >= 16) else ""
    )  # odd rows start anywhere
    label = f"{kind},{classes}{'' if rows else ',channels'}{',smooth' if smooth else ''}"
    entries = []
    for grad in with_grad or (False,):
        entries += by_warp(Case(
            _cross_entropy.cross_entropy_kernel, f"*fp32 *fp32 *fp32 *fp32 {f'*{kind}' if grad else None} "
            f"None *{kind} *i64 *{kind} {'*fp32' if grad and smooth else None} {shape} {row_strides} {flat} {flat} "
            f"{row_strides} {stride_c} i32:16 {size} None i32 fp64",
            {**_COMMON, "SMOOTH": smooth, "REDUCE": True, "ONCE": walk.once, "SHIFTED": shifted,
             "BLOCK_K": walk.rows, "BLOCK_R": walk.block}, num_warps=walk.warps,
            label=f"{label}{',slopes' if grad else ''}",
            wide=promise if grad else promise and "loads",
            work=_work(walk, size_of, size_of * grad)
            if rows and classes >= 512 and (walk.once or not smooth) else None,
            spills=16,  # ptxas takes 40 registers and no more for odd rows; others before Triton 3.9
        ), rows, dtype.itemsize)  # fmt: skip
    if with_grad:
        blocks = {"BLOCK_K": 1, "BLOCK_R": 4096} if rows else {"BLOCK_K": 128, "BLOCK_R": 32}
        entries.append(Case(
            _cross_entropy.cross_entropy_backward_kernel,
            f"*{kind} *fp32 *{kind} *i64 *{kind} *fp32 *fp32 *fp32 *fp32 {shape} "
            f"{row_strides} {row_strides} {flat} {flat} {stride_c} {stride_c} i32:16 {size} i32 fp64",
            {**_COMMON, **blocks, "SMOOTH": smooth, "MEAN": True}, label=label, wide=promise,
        ))  # fmt: skip
    return entries


def _work(walk: Any, loads: int, stores: int) -> Work:
    """Of rows of classes: a gradient is a second walk over a row, which a cache holds."""
    if walk.once:
        return elements(walk.rows * walk.block, loads + stores)
    return elements_of_long_rows(loads, loads + stores, 2 if stores else 1)


def _padded_cases(kind: str, to: str, classes: int) -> list[Case]:
    """Rows of any number of classes that lie 16-byte-aligned, with gradient: of linear_cross_entropy."""
    walk = read_again(choose_walk(2048, classes, True, LONGEST_ROW))
    return by_warp(Case(
        _cross_entropy.cross_entropy_kernel,
        f"*fp32 *fp32 *fp32 *fp32 *{to} None *{kind} *i64 None None (i32:16) "
        "(i32:16) (i32=1) (i32=1) (i32:16) i32=1 i32:16 i32 i32:16 i32 fp64", {**_COMMON, "SMOOTH": False,
        "REDUCE": True, "ONCE": walk.once, "SHIFTED": False, "BLOCK_K": walk.rows, "BLOCK_R": walk.block},
        num_warps=walk.warps, label=f"{kind},{to},{classes},padded", wide="both",
        work=_work(walk, 2 if kind == "bf16" else 4, 2 if to == "bf16" else 4),
    ), True, 2 if "bf16" in (kind, to) else 4)  # fmt: skip


def cases() -> list[Case]:
    """Each elementwise loss, and cross-entropy of rows and of channel-first scores by every tile."""
    acc = _COMMON
    entries = []
    for name in ("squared", "absolute", "huber", "smooth", "binary", "binary_of_scores"):
        for reduce in (True, False):
            entries.append(Case(
                _loss.loss_kernel,
                "*fp32 *fp32 *fp32 *fp32 *fp32 (i32:16) (i32=1) ((i32=1) (i32=1) (i32=1) (i32=1)) "
                "i32:16 fp64", {**acc, "FN": getattr(_loss, name), "REDUCE": reduce, "BLOCK": _loss.BLOCK},
                label=f"{name},{'sum' if reduce else 'each'}", wide="loads" if reduce else "both",
            ))  # fmt: skip
        entries.append(Case(  # without weights
            _loss.loss_kernel,
            "*fp32 *fp32 *fp32 None None (i32:16) (i32=1) ((i32=1) (i32=1) (i32=1) (i32=1)) "
            "i32:16 fp64", {**acc, "FN": getattr(_loss, name), "REDUCE": True, "BLOCK": _loss.BLOCK},
            label=f"{name},alone", wide="loads",
        ))  # fmt: skip
    entries.append(Case(_loss.finish_kernel, "*fp32 *fp32 *fp32 i32 fp64", {
        "BY_WEIGHT": True, "WEIGHTS": True, "ACC": tl.float32, "BLOCK": 1024}))  # fmt: skip
    for smooth in (False, True):
        for kind, classes in (("bf16", 1024), ("fp32", 1000), ("bf16", 131072)):
            entries += _class_cases(kind, classes, True, smooth, (False, True))
        entries += _class_cases("fp32", 21, False, smooth, (False,))
    entries += _class_cases("bf16", 50257, True, False) + _class_cases(
        "fp32", 131072, True, False, (False, True)
    )
    for kind, to in (("bf16", "bf16"), ("fp32", "fp32"), ("fp32", "bf16")):
        for classes in (1001, 30522):
            entries += _padded_cases(kind, to, classes)
    for rows in (True, False):
        walks = {choose_walk(8192, 1 << k, rows, LONGEST_ROW): 1 << k for k in range(17)}
        for classes in walks.values():
            entries += _class_cases("fp32", classes, rows, False)
    entries += [
        Case(_cross_entropy.nll_kernel,
        "*fp32 *fp32 *i64 *fp32 *i64 *fp32 (i32) (i32:16) (i32=1) (i32=1) i32=1 i32 i32 i32",
             {**acc, "REDUCE": True, "BLOCK": 256}),
        Case(_cross_entropy.nll_backward_kernel,
        "*fp32 *fp32 *i64 *fp32 *fp32 (i32) (i32:16) (i32=1) (i32) i32=1 i32 i32:16 i32",
             {**acc, "MEAN": True, "BLOCK_K": 1, "BLOCK_R": 4096}, wide="stores"),
    ]  # fmt: skip
    return entries
