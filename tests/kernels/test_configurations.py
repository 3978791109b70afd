"""Every configuration of the tables is compiled by some case, and asks for the precision that it says."""

from __future__ import annotations

import pytest
from compiling import compiled

from tritonnn.kernels import _configs_gemm
from tritonnn.kernels._compile import cases

TABLES = [
    (arch, kind) for arch, kinds in _configs_gemm.TABLE.items() if arch != "interpreter" for kind in kinds
]
ELEMENT = {"half": "bf16", "tf32": "fp32", "ieee": "fp32", "fp64": "fp64"}


def tiles(case):
    """What a case of a product has of its configuration."""
    c = case.constants
    return (
        c["BLOCK_M"], c["BLOCK_N"], c["BLOCK_K"], case.num_warps, case.num_stages, "A_ACROSS" in c,
        c.get("SPECIALIZE", False),
    )  # fmt: skip


def first_element(case):
    """The element type of a case's first pointer or descriptor."""
    return case.signature.split()[0].removeprefix("tensordesc<").split("[")[0].lstrip("*")


@pytest.mark.parametrize(("arch", "kind"), TABLES)
def test_every_product_configuration_is_compiled(arch, kind):
    made = {
        tiles(case)
        for family in ("linalg", "_gemm_cases", "linear_cross_entropy")
        for case in cases(family)
        if arch in case.archs and "gemm_kernel" in case.kernel.__name__
        and (kind not in ELEMENT or first_element(case) == ELEMENT[kind])
    }  # fmt: skip
    for g in _configs_gemm.TABLE[arch][kind]:
        wanted = (g.m, g.n, g.k, g.warps, g.stages, g.persistent, g.specialize)
        assert wanted in made, f"{arch} {kind}: no case compiles {g}"


def test_the_precision_asked_for_is_in_the_binary():
    text = compiled("""
        from dataclasses import replace
        from tritonnn.kernels._compile import build, cases
        found = [c for f in ("linalg", "_gemm_cases") for c in cases(f)
                 if c.kernel.__name__ == "gemm_kernel" and "sm_80" in c.archs and c.constants["PRECISION"] == "tf32"]
        for precision in ("ieee", "tf32", "tf32x3"):
            case = replace(found[-1], constants={**found[-1].constants, "PRECISION": precision})
            ptx = build(case, "sm_80").asm["ptx"]
            print(precision, ptx.count(".tf32.tf32."), ptx.count("fma.rn.f32"))
    """)
    counts = {line.split()[0]: [int(n) for n in line.split()[1:]] for line in text.splitlines()}
    assert counts["ieee"][0] == 0
    assert counts["ieee"][1] > 0
    assert counts["tf32"][0] > 0
    assert counts["tf32x3"][0] == 3 * counts["tf32"][0]


def test_what_an_old_triton_cannot_compile_is_not_offered(monkeypatch):
    for able in (True, False):
        monkeypatch.setattr(_configs_gemm, "SPECIALIZES_SM_100", able)
        assert any(g.specialize for g in _configs_gemm.table("sm_100", "half")) == able
        assert any(g.specialize for g in _configs_gemm.table("sm_90", "half"))
