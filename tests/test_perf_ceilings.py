"""The ceilings beside the report's predictions: of rows that there are, by binaries that are compiled."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tritonnn.kernels.check.compile import of_family
from tritonnn.kernels.check.regressions import Kept

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "perf"))
import _ceilings
import _rows

FAMILIES = ("attention", "linalg", "loss", "normalization", "softmax")


def test_every_rule_is_of_rows_and_of_counted_binaries() -> None:
    keys = [r.key for r in _rows.load("cuda")]
    counted = {
        f"{case.name} {arch}" for family in FAMILIES for case in of_family(family) if case.work
        for arch in case.archs
    }  # fmt: skip
    for pattern, _ in _ceilings.ROWS:
        matching = [key for key in keys if re.fullmatch(pattern, key)]
        assert matching, pattern
        for arch in ("sm_80", "sm_90", "sm_100"):
            assert set(_ceilings.binaries(matching[0], arch)) <= counted, pattern
    products = [key for key in keys if _ceilings.binaries(key, "sm_90") and "softmax" not in key]
    assert {"roof/gemm 8192/bfloat16", "matmul/square 4096x4096x4096/float16"} <= set(products)
    assert set(_ceilings.binaries("roof/gemm 8192/bfloat16", "sm_90")) <= counted
    assert _ceilings.binaries("roof/gemm 8192, tf32/float32", "sm_90") == []


def test_the_lowest_of_the_kept_ceilings_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(ceiling: float, by: str, matrix: float) -> list:
        return [1, 2, 3, 4, 5, {"ceiling": ceiling, "by": by, "matrix": matrix}]

    monkeypatch.setattr(_ceilings, "load", lambda: Kept("3.9", {
        "keys_backward_kernel[half,64] sm_90": kept(99.0, "issue", 64),
        "queries_backward_kernel[half,64] sm_90": kept(71.5, "issue", 48),
        "softmax_kernel[fp32,131072] sm_90": kept(80.0, "special", 0),
        "attention_kernel[half,64] sm_90": [1, 2, 3, 4, 5],
    }))  # fmt: skip
    _ceilings._counts.cache_clear()
    backward, rows = "attention/full 4x16x4096x64 backward/bfloat16", "softmax/softmax 4096x131072/float32"
    assert _ceilings.ceiling(backward, "H100") == _ceilings.ceiling(backward, "H200") == (71.5, "issue")
    assert _ceilings.text(backward, "H100") == ", ceiling 72 % (issue)"
    # that of memory is of an H100's bandwidth
    assert _ceilings.ceiling(rows, "H100") == (80.0, "special") and _ceilings.ceiling(rows, "H200") is None
    # not compiled for it, not counted yet, no such rule
    assert (
        _ceilings.text(backward, "B200")
        == _ceilings.text("attention/full 4x16x4096x64/bfloat16", "H100")
        == ""
    )
    assert _ceilings.text("sorting/sort 1000/float32", "H100") == ""
    _ceilings._counts.cache_clear()


def test_products_have_a_ceiling_on_every_machine() -> None:
    _ceilings._counts.cache_clear()
    for machine in _ceilings.BUILT_AS:
        assert _ceilings.text("roof/gemm 8192/bfloat16", machine).startswith(", ceiling"), machine
