"""The compile check: its arithmetic here, the compiler in a process of its own, without the interpreter."""

from __future__ import annotations

import pytest
from compiling import compiled

from tritonnn.kernels.check.binary import Report, count_instructions
from tritonnn.kernels.check.case import parse_signature
from tritonnn.kernels.check.compile import of_family, sample
from tritonnn.kernels.check.regressions import Kept, differences, figures, load, regressions, save, updated

PTX = """
.visible .entry k(
	.param .u64 k_param_0
)
{
	.reg .b32 	%r<59>;
// %bb.0:
	mov.u32 	%r1, %tid.x;
$L__BB0_1:                              // =>This Loop Header: Depth=1
                                        //     Child Loop BB0_2 Depth 2
                                        //     Child Loop BB0_4 Depth 2
	add.s32 	%r2, %r2, 1;
$L__BB0_2:                              // %.lr.ph
                                        //   Parent Loop BB0_1 Depth=1
                                        // =>  This Inner Loop Header: Depth=2
	mul.lo.s32 	%r3, %r2, %r1;
	@%p1 bra 	$L__BB0_2;
// %bb.3:                               //   in Loop: Header=BB0_1 Depth=1
	add.s32 	%r4, %r3, 1;
$L__BB0_4:                              //   Parent Loop BB0_1 Depth=1
                                        // =>  This Inner Loop Header: Depth=2
	setp.lt.s32 	%p2, %r2, 7;
	@%p2 bra 	$L__BB0_6;
// %bb.5:                               //   in Loop: Header=BB0_4 Depth=2
	cp.async.bulk.commit_group;
	@!%p3 bra 	$L__BB0_4;
	bra.uni 	$L__BB0_1;
$L__BB0_6:
	ret;
$L__BB0_7:
	bra.uni 	$L__BB0_6;
}
"""


def test_instructions_and_innermost_loops_are_counted():
    assert count_instructions(PTX, amd=False) == (12, 5)  # the second of two loops in a loop
    assert count_instructions("\tret;\n", amd=False) == (1, 0)
    amd = "k:\n\ts_load_dword s0, s[4:5], 0x0\n.LBB0_1:   ; =>This Inner Loop Header: Depth=1\n"
    amd += "\tv_add_u32 v0, v0, v1 ; add\n\ts_cbranch_scc1 .LBB0_1\n; %bb.2:\n\ts_endpgm\n"
    assert count_instructions(amd, amd=True) == (4, 2)


def test_signatures():
    types, constants, attributes = parse_signature(
        "*fp32 *i8:1 (i32=1 (None i64)) i32:16 tensordesc<bf16[128,64]>"
    )
    assert types == ["*fp32", "*i8", ("constexpr", ("constexpr", "i64")), "i32", "tensordesc<bf16[128,64]>"]
    assert constants == {(2, 0): 1, (2, 1, 0): None}
    assert sorted(attributes) == [(0,), (3,)]


SAME = {"registers": 40, "spills": 0, "shared": 1024, "instructions": 100, "loop": 20}


def test_what_counts_as_worse():
    kept = {"k[a] sm_90": [40, 0, 1024, 100, 20]}

    def worse(**change):
        return regressions([Report("k[a]", "sm_90", **{**SAME, **change})], kept)

    assert worse() == []
    assert worse(registers=44, instructions=107, loop=23) == []  # within the slack
    assert worse(registers=46, loop=30) == ["k[a] sm_90: registers 40 -> 46 (+15 %), loop 20 -> 30 (+50 %)"]
    assert worse(spills=8) == ["k[a] sm_90: spills 0 -> 8"]
    assert worse(shared=1040) and worse(loop=30) and worse(instructions=120)
    assert worse(spills=8, failure="does not compile") == []
    assert regressions([Report("k[new]", "sm_90", **SAME)], kept) == []


def test_binaries_that_are_new_or_gone():
    kept = {"k[a] sm_90": [], "k[gone] sm_90": []}
    reports = [Report("k[a]", "sm_90", **SAME), Report("k[a]", "sm_80", **SAME)]
    assert differences(reports, kept, whole=True) == (["k[a] sm_80"], ["k[gone] sm_90"])
    assert differences(reports, kept, whole=False) == (["k[a] sm_80"], [])


def test_the_kept_file_has_a_line_per_binary(tmp_path):
    file = tmp_path / "kept.json"
    assert load(file) == Kept("", {})
    report, failed = Report("k[b]", "sm_90", **SAME), Report("k[c]", "sm_90", **SAME, failure="no")
    kept = updated([report, failed], "3.9", Kept("3.9", {"k[a] sm_80": [1, 2, 3, 4, 5]}), whole=False)
    save(kept, file)
    assert load(file) == kept == Kept("3.9", {"k[a] sm_80": [1, 2, 3, 4, 5], "k[b] sm_90": figures(report)})
    assert file.read_text().splitlines()[1] == '"k[a] sm_80": [1, 2, 3, 4, 5],'
    assert set(updated([report], "3.9", kept, whole=True).binaries) == {"k[b] sm_90"}
    assert set(updated([report], "3.10", kept, whole=False).binaries) == {"k[b] sm_90"}


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({}, 0, "8 binaries of 2 cases"),
        ({"registers": 1}, 1, "WORSE"),
        ({"gone": True}, 1, "GONE     k[gone] sm_90"),
        ({"new": True}, 1, "NEW      arange_kernel"),
        ({"triton": "2.0"}, 0, "not compared"),
    ],
)
def test_the_gate(tmp_path, change, status, told):
    """A full run of a package with one family against a kept file that has been tampered with."""
    text = compiled(f"""
        from pathlib import Path
        from tritonnn.kernels.check import compile as _compile
        from tritonnn.kernels.check import regressions as _regressions
        _regressions.KEPT = Path({str(tmp_path)!r}) / "kept.json"
        _regressions.load.__defaults__ = _regressions.save.__defaults__ = (_regressions.KEPT,)
        _compile.modules = lambda package: ["device.bounds", "launch.scratch"]
        real = _compile.cases
        _compile.cases = lambda family, package: real("creation")[:2] if family == "device.bounds" else []
        import os
        _compile.ProcessPoolExecutor = __import__("concurrent.futures").futures.ThreadPoolExecutor
        assert _compile.main(["--quiet", "--update"]) == 0
        kept = _regressions.load()
        change = {change!r}
        if change.get("registers"):
            next(iter(kept.binaries.values()))[0] = 1
        if change.get("gone"):
            kept.binaries["k[gone] sm_90"] = [1, 1, 1, 1, 1]
        if change.get("new"):
            kept.binaries.popitem()
        _regressions.save(kept._replace(triton=change.get("triton", kept.triton)))
        print("status", _compile.main(["--quiet"]))
    """)
    assert told in text and f"status {status}" in text
    assert ("--update" in text.split("status")[0]) == bool(status)


def test_the_command_compiles_and_prints_a_table():
    text = compiled("""
        from tritonnn.kernels.check import compile as _compile
        assert _compile.main(["-k", "arange_kernel", "--no-cache", "-j", "1"]) == 0
    """)
    assert (
        "arange_kernel" in text and "sm_90" in text and "gfx942" in text and "8 binaries of 2 cases" in text
    )


def test_broken_promises_fail():
    text = compiled("""
        from dataclasses import replace
        from tritonnn.kernels import creation
        from tritonnn.kernels.check import compile as _compile
        plain = creation.COMPILE[0]
        print(_compile.examine(replace(plain, matrix=True), "sm_90").failure)
        print(_compile.examine(replace(plain, specialize=True), "sm_100").failure)
        print(_compile.examine(replace(plain, wide="loads"), "sm_80").failure)
        print(_compile.examine(replace(plain, constants={"BLOCK": 1000}), "sm_80").failure)
        product = next(c for c in _compile.of_family("convolution") if c.matrix is True and "bf16" in c.label)
        print(_compile.examine(replace(product, matrix=False), "sm_80").failure)
        print(_compile.examine(replace(product, matrix="warp"), "sm_80").failure)
        large = {"BLOCK_M": 256, "BLOCK_N": 256, "BLOCK_K": 128}
        huge = replace(product, constants={**product.constants, **large}, num_warps=4, num_stages=4)
        print(_compile.examine(huge, "sm_80").failure)
    """)
    lines = text.splitlines()
    assert "no matrix instructions" in lines[0]
    assert "warp specialisation was not applied" in lines[1]
    assert "has no 16-byte loads" in lines[2]
    assert "Error" in lines[3]
    assert "does not say with which instructions" in lines[4]
    assert lines[5] == ""
    assert "spills" in lines[6] and "shared memory" in lines[6]


def test_the_fingerprint_follows_sources_and_arguments():
    text = compiled("""
        from dataclasses import replace
        from tritonnn.kernels.check.compile import fingerprint
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
        ("pointwise_kernel", None, "device.pointwise"),
        ("reduce_kernel", "*fp32 *fp32 (i32) (i32) (i32) (i32) (i32) i32 i32 i32 i32 fp64", "device.reduce"),
        ("softmax_kernel", "*fp32 *fp32 (i32) (i32) (i32) i32 i32 i32 i32", "softmax"),
    ],
)
def test_offsets_are_computed_in_64_bits_where_asked_for(kernel, signature, module):
    """By the width of the multiplications in Triton's own representation: no tensor of 2**31 elements is needed."""
    text = compiled(f"""
        import re
        from dataclasses import replace
        from triton import language as tl
        from tritonnn.kernels.check import compile as _compile
        from tritonnn.kernels.device import math as _math
        import importlib
        module = importlib.import_module('tritonnn.kernels.{module}')
        from tritonnn.kernels.check.case import Case
        from tritonnn.kernels.device.pointwise_cases import case as pointwise_case
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


def test_a_sample_has_every_kernel_once():
    family = of_family("softmax")
    jobs = [("softmax", k, arch) for k in range(len(family)) for arch in ("sm_90", "gfx942")]
    kept = sample(jobs, ["gfx942"])
    assert [job for job in kept if job[2] == "sm_90"] == [job for job in jobs if job[2] == "sm_90"]
    sampled = [family[k].kernel for _, k, arch in kept if arch == "gfx942"]
    assert len(sampled) == len(set(sampled)) < len(family)
    assert set(sampled) == {case.kernel for case in family}
    assert sample(jobs, []) == jobs
