"""The compile check: its arithmetic here, the compiler in a process of its own, without the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from tritonnn.kernels._case import parse_signature
from tritonnn.kernels._compile import Report, count_instructions, regressions

PTX = """
.visible .entry k(
	.param .u64 k_param_0
)
{
	.reg .b32 	%r<59>;
	mov.u32 	%r1, %tid.x;
$L__BB0_1:                              // outer
	add.s32 	%r2, %r2, 1;
$L__BB0_2:                              // inner
	mul.lo.s32 	%r3, %r2, %r1;
	add.s32 	%r4, %r3, 1;
	@%p1 bra 	$L__BB0_2;
	setp.lt.s32 	%p2, %r2, 7;
	@%p2 bra 	$L__BB0_1;
	ret;
}
"""


def compiled(script: str) -> str:
    """Output of a script whose kernels are compiled, not interpreted."""
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"} | {"TRITON_DEFAULT_FP_FUSION": "1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_instructions_and_innermost_loops_are_counted():
    assert count_instructions(PTX, amd=False) == (8, 3)
    assert count_instructions("\tret;\n", amd=False) == (1, 0)
    amd = "k:\n\ts_load_dword s0, s[4:5], 0x0\n.LBB0_1:\n\tv_add_u32 v0, v0, v1 ; add\n"
    amd += "\ts_cbranch_scc1 .LBB0_1\n\ts_endpgm\n"
    assert count_instructions(amd, amd=True) == (4, 2)


def test_signatures():
    types, constants, attributes = parse_signature(
        "*fp32 *i8:1 (i32=1 (None i64)) i32:16 tensordesc<bf16[128,64]>"
    )
    assert types == ["*fp32", "*i8", ("constexpr", ("constexpr", "i64")), "i32", "tensordesc<bf16[128,64]>"]
    assert constants == {(2, 0): 1, (2, 1, 0): None}
    assert sorted(attributes) == [(0,), (3,)]


def test_what_counts_as_worse():
    kept = {
        "k[a]": {"sm_90": {"registers": 40, "spills": 0, "shared": 1024, "instructions": 100, "loop": 20}}
    }
    same = {"registers": 40, "spills": 0, "shared": 1024, "instructions": 100, "loop": 20}

    def worse(**change):
        return regressions([Report("k[a]", "sm_90", **{**same, **change})], kept)

    assert worse() == []
    assert worse(registers=44, instructions=107, loop=23) == []  # within the slack
    assert worse(registers=46) == ["k[a] sm_90: registers 40 -> 46"]
    assert worse(spills=8) and worse(shared=1040) and worse(loop=30) and worse(instructions=120)
    assert worse(spills=8, failure="does not compile") == []
    assert regressions([Report("k[new]", "sm_90", **same)], kept) == []


def test_the_command_compiles_and_prints_a_table():
    text = compiled("""
        from tritonnn.kernels import _compile
        assert _compile.main(["-k", "arange_kernel", "--no-cache", "-j", "1"]) == 0
    """)
    assert (
        "arange_kernel" in text and "sm_90" in text and "gfx942" in text and "8 binaries of 2 cases" in text
    )


def test_broken_promises_fail():
    text = compiled("""
        from dataclasses import replace
        from tritonnn.kernels import _compile, creation, linalg
        from tritonnn.kernels._configs_gemm import Gemm
        plain = creation.COMPILE[0]
        print(_compile.examine(replace(plain, matrix=True), "sm_90").failure)
        print(_compile.examine(replace(plain, specialize=True), "sm_90").failure)
        print(_compile.examine(replace(plain, ptx="ld.global.v8"), "sm_80").failure)
        print(_compile.examine(replace(plain, constants={"BLOCK": 1000}), "sm_80").failure)
        huge = linalg._case("sm_80", "half", Gemm(256, 256, 64, 4, 4, 1.0))
        print(_compile.examine(huge, "sm_80").failure)
    """)
    lines = text.splitlines()
    assert "no matrix instructions" in lines[0]
    assert "warp specialisation was not applied" in lines[1]
    assert "its PTX has no ld.global.v8" in lines[2]
    assert "Error" in lines[3]
    assert "spills" in lines[4] and "shared memory" in lines[4]


def test_the_fingerprint_follows_sources_and_arguments():
    text = compiled("""
        from dataclasses import replace
        from tritonnn.kernels._compile import fingerprint
        from tritonnn.kernels import creation
        case = creation.COMPILE[0]
        changes = [{}, {"num_warps": 8}, {"kernel": creation.linspace_kernel}, {"spills": 1},
                   {"constants": {**case.constants, "BLOCK": 512}}]
        keys = [fingerprint(replace(case, **change), "sm_90") for change in changes] + [fingerprint(case, "sm_80")]
        assert len(set(keys)) == len(keys)
        assert fingerprint(case, "sm_90") == keys[0]
        assert fingerprint(replace(case, label="another name"), "sm_90") != keys[0]
    """)
    assert text == ""


@pytest.mark.parametrize(
    ("kernel", "signature", "module"),
    [
        ("pointwise_kernel", None, "_pointwise"),
        ("reduce_kernel", "*fp32 *fp32 (i32) (i32) (i32) (i32) (i32) i32 i32 i32 i32 fp64", "_reduce"),
        ("softmax_kernel", "*fp32 *fp32 (i32) (i32) (i32) i32 i32 i32 i32", "softmax"),
    ],
)
def test_offsets_are_computed_in_64_bits_where_asked_for(kernel, signature, module):
    """By the width of the multiplications in Triton's own representation: no tensor of 2**31 elements is needed."""
    text = compiled(f"""
        import re
        from dataclasses import replace
        from triton import language as tl
        from tritonnn.kernels import _compile, _math
        from tritonnn.kernels import {module} as module
        from tritonnn.kernels._case import Case
        from tritonnn.kernels._pointwise_cases import case as pointwise_case
        constants = {{
            "reduce_kernel": {{"OP": "sum", "TRUTH": False, "DIVIDED": False, "BLOCK_K": 16}},
            "softmax_kernel": {{"LOG": False, "ONCE": True, "BLOCK_K": 1}},
        }}
        shared = {{"ACC": tl.float32, "BLOCK_R": 64}}
        for wide in (False, True):
            if {signature!r} is None:
                case = pointwise_case(_math.identity, "fp32", "transpose")
                case = replace(case, constants={{**case.constants, "INT64": wide}})
            else:
                case = Case(module.{kernel}, {signature!r}, {{**constants[{kernel!r}], **shared, "INT64": wide}})
            ttir = _compile.build(case, "sm_90").asm["ttir"]
            print(*[len(re.findall(rf"arith.muli.*tensor<.*i{{bits}}>", ttir)) for bits in (32, 64)])
    """)
    (narrow, none), (left, wide) = ([int(n) for n in line.split()] for line in text.splitlines())
    assert narrow > 0 and none == 0
    assert wide > 0 and left == 0
