"""Counting instructions for a unit of work: listings written by hand, whose counts are known."""

from __future__ import annotations

import pytest
from compiling import compiled

from tritonnn.kernels.check.architectures import ARCHITECTURES
from tritonnn.kernels.check.binary import SHARED, Report
from tritonnn.kernels.check.case import Work, elements, elements_of_long_rows, tiles
from tritonnn.kernels.check.ceiling import blocks, ceiling, clocks
from tritonnn.kernels.check.compile import show_counts
from tritonnn.kernels.check.counting import (
    KINDS,
    Uncounted,
    asynchronous_operations,
    count_listing,
    group_warps,
    kind,
    loaded,
    operations,
)
from tritonnn.kernels.check.counting_amd import count_amd
from tritonnn.kernels.check.listing import Listing
from tritonnn.kernels.check.regressions import differences, figures, regressions

EIGHT = '"ttg.num-warps" = 8 : i32'


def sass(text: str) -> Listing:
    """A listing as the disassembler prints it, of lines of instructions and labels."""
    lines = []
    for number, line in enumerate(text.strip().splitlines()):
        line = line.strip()
        lines.append(line if line.endswith(":") else f"        /*{16 * number:04x}*/    {line} ;")
    return Listing("\n".join(lines))


# A persistent product: tiles outside, steps inside; a wait that is passed at once or gone on with out of the way.
PRODUCT = """
    S2R R0, SR_TID.X
    @P6 EXIT
    .L_x_0:
    IADD3 R1, R1, 0x1, RZ
    .L_x_1:
    SYNCS.PHASECHK.TRANS64.TRYWAIT P0, [UR4], R5
    @!P0 BRA `(.L_x_9)
    .L_x_2:
    IMAD R2, R2, R3, R4
    {products}
    @P1 BRA `(.L_x_1)
    MUFU.EX2 R6, R6
    STG.E.128 desc[UR4][R2.64], R8
    @P2 BRA `(.L_x_0)
    EXIT
    .L_x_9:
    SYNCS.PHASECHK.TRANS64.TRYWAIT P0, [UR4], R5
    @!P0 BRA `(.L_x_9)
    BRA `(.L_x_2)
    .L_x_10:
    BRA `(.L_x_10)
"""
STEP = "HGMMA.64x128x16.F32.BF16 R24, gdesc[UR16].tnspB, R24\n"


def counts(**some: float) -> dict[str, float]:
    return {what: float(some.get(what, 0)) for what in KINDS}


def test_the_hot_loop_is_the_innermost_one_without_its_waiting():
    listing = sass(PRODUCT.format(products=4 * STEP))
    # outside, what fills the end; steps within tiles, and the wait within a step
    assert sorted((loop.depth, len(loop.inner)) for loop in listing.loops()) == [
        (1, 0),
        (1, 2),
        (2, 1),
        (3, 0),
    ]
    assert len(listing.innermost()) == 1
    # 8 warps do 128 rows x 128 x 64 with four instructions: a unit. Two of `other` are the wait and its jump.
    assert count_listing(listing, EIGHT, tiles()) == counts(matrix=32, integer=8, other=24)


def test_an_unrolled_loop_counts_as_what_it_does():
    doubled = sass(PRODUCT.format(products=4 * STEP + "IMAD R2, R2, R3, R4\n" + 4 * STEP))
    assert count_listing(doubled, EIGHT, tiles()) == counts(matrix=32, integer=8, other=12)


def test_an_edge_loop_and_a_finished_tile_are_left_out():
    text = """
        .L_x_0:
        FADD R1, R1, R2
        {step}
        @P0 BRA `(.L_x_0)
        .L_x_1:
        ISETP.GE.AND P1, PT, R1, R2, PT
        FADD R1, R1, R2
        {step}
        @P0 BRA `(.L_x_1)
        EXIT
    """.format(step=4 * STEP)
    assert count_listing(sass(text), EIGHT, tiles()) == counts(matrix=32, float=8, other=8)
    # one loop over all steps of all tiles, which writes a tile where it is finished
    flat = f"""
        .L_x_0:
        {4 * STEP}
        BRA.U !UP0, `(.L_x_1)
        STG.E.128 desc[UR4][R2.64], R8
        STG.E.128 desc[UR4][R2.64], R8
        .L_x_1:
        IADD3 R1, R1, 0x1, RZ
        @P0 BRA `(.L_x_0)
        EXIT
    """
    assert count_listing(sass(flat), EIGHT, tiles()) == counts(matrix=32, integer=8, other=16)


SPECIALISED = """
    @P0 BRA `(.L_x_5)
    USETMAXREG.DEALLOC.CTAPOOL 0x28
    .L_x_0:
    IADD3 R1, R1, 0x1, RZ
    .L_x_1:
    UTMALDG.2D [UR28], [UR8]
    UTMALDG.2D [UR24], [UR8]
    @P2 BRA `(.L_x_1)
    @P3 BRA `(.L_x_0)
    EXIT
    .L_x_5:
    BAR.SYNC 0x1
    BRX R2 -0x21d0
    USETMAXREG.TRY_ALLOC.CTAPOOL UP0, 0xe8
    .L_x_6:
    IADD3 R1, R1, 0x1, RZ
    .L_x_7:
    IMAD R1, R1, R2, R3
    {step}
    @P2 BRA `(.L_x_7)
    @P3 BRA `(.L_x_6)
    USETMAXREG.TRY_ALLOC.CTAPOOL UP0, 0x20
    .L_x_8:
    LDTM.x64 R4, tmem[UR4]
    STG.E.128 desc[UR4][R2.64], R8
    @P3 BRA `(.L_x_8)
    BRA `(.L_x_5)
"""


def test_groups_of_warps_are_summed_by_their_warps():
    """A group loads and one multiplies, each step; the third writes finished tiles and is not of the hot loops."""
    groups = (
        '"ttg.num-warps" = 4 : i32 partition0(%a: i32) num_warps(8) {\n partition1(%a: i32) num_warps(2) {'
    )
    assert group_warps(groups.replace(" partition", "\n partition")) == [4, 8, 2]
    listing = sass(SPECIALISED.format(step=4 * STEP))
    found = count_listing(listing, groups.replace(" partition", "\n partition"), tiles())
    assert found == counts(matrix=32, memory=8, integer=8, other=4 + 8)
    with pytest.raises(Uncounted, match="3 groups of warps, there are 5"):
        more = groups.replace(" partition", "\n partition") + 2 * "\npartition2() num_warps(1)"
        count_listing(listing, more, tiles())


def test_what_one_thread_starts_is_of_one_warp():
    text = """
        .L_x_0:
        SYNCS.PHASECHK.TRANS64.TRYWAIT P0, [UR4], R5
        BRA.U UP1, `(.L_x_1)
        UTCHMMA gdesc[UR12], gdesc[UR24], tmem[UR21], tmem[UR22], idesc[UR23], UPT
        UTCHMMA gdesc[UR12], gdesc[UR24], tmem[UR21], tmem[UR22], idesc[UR23], UPT
        .L_x_1:
        IADD3 R1, R1, 0x1, RZ
        @P0 BRA `(.L_x_0)
        EXIT
    """
    ttgir = (
        EIGHT + "\nttng.tc_gen5_mma %a, %b, %acc[], %t, %t : !ttg.memdesc<128x32xbf16, #shared, #smem>, "
        "!ttg.memdesc<32x128xbf16, #shared, #smem>, !ttg.memdesc<128x128xf32, #tmem>"
    )
    assert asynchronous_operations(ttgir) == 2 * 128 * 128 * 16
    for element, depth in (("f32", 8), ("f8E4M3FN", 32)):
        assert asynchronous_operations(ttgir.replace("bf16", element)) == 2 * 128 * 128 * depth
    # a product before the loop, whose instructions are narrower, is not of it
    product = ttgir.splitlines()[1]
    before = f"  {product.replace('32x128x', '32x64x')}\n  scf.for %i = %a to %b step %c  : i32 {{\n    {product}\n  }}"
    assert asynchronous_operations(before) == 2 * 128 * 128 * 16
    work = Work("tile of 128 x 128 x 32", flops=2 * 128 * 128 * 32)
    assert count_listing(sass(text), ttgir, work) == counts(matrix=2, integer=8, other=24)


ROWS = """
    S2R R0, SR_TID.X
    .L_x_0:
    {first}
    @P0 BRA `(.L_x_0)
    .L_x_1:
    LDG.E.128 R4, desc[UR4][R2.64]
    MUFU.EX2 R4, R4
    MUFU.EX2 R5, R5
    STG.E.128 desc[UR4][R2.64], R4
    @P0 BRA `(.L_x_1)
    EXIT
"""


def test_rows_are_counted_over_all_walks_by_what_is_loaded():
    """Four elements of float32 a thread and a load: the numbers are of a thread for one element."""
    load = "LDG.E.128 R4, desc[UR4][R2.64]\nFADD R1, R1, R2\n"
    work = elements_of_long_rows(4, 8, passes=2)
    once = count_listing(sass(ROWS.format(first=load)), EIGHT, work)
    assert once == counts(memory=0.75, float=0.25, special=0.5, other=0.5)
    # unrolled twice, and with a number of the row beside the elements
    twice = count_listing(sass(ROWS.format(first=load + load + "LDG.E R9, desc[UR4][R2.64]")), EIGHT, work)
    assert twice == counts(memory=0.75 + 1 / 8, float=0.25, special=0.5, other=0.125 + 0.25)
    with pytest.raises(Uncounted, match="no loop with matrix"):
        count_listing(sass(ROWS.format(first=load)), EIGHT, tiles())
    with pytest.raises(Uncounted, match="no loop that loads"):
        count_listing(sass("FADD R1, R1, R2\nEXIT"), EIGHT, work)


def test_a_kernel_without_a_loop_is_counted_as_a_whole():
    text = """
        S2R R0, SR_TID.X
        @P0 EXIT
        LDG.E.128 R4, desc[UR4][R2.64]
        BRA `(.L_x_1)
        TRAP
        .L_x_1:
        STG.E.128 desc[UR4][R2.64], R4
        EXIT
    """
    # 8 warps x 32 threads x 4 elements
    assert count_listing(sass(text), EIGHT, elements(1024, 8)) == counts(memory=0.5, other=1.0)


def test_kinds_and_sizes_of_instructions():
    names = {
        "matrix": ["HMMA.16816.F32.BF16", "HGMMA.64x256x16.F32", "UTCHMMA", "DMMA.884", "IMMA.16832.S8.S8"],
        "memory": ["LDG.E.128", "LDGSTS.E.BYPASS.128", "LDSM.16.M88.4", "STS.128", "UTMALDG.2D", "LDTM.x64", "STL"],
        "integer": ["IMAD.WIDE", "IADD3", "LOP3.LUT", "PRMT", "ISETP.GE.AND", "ULEA", "VIADD", "SEL", "PLOP3.LUT"],
        "float": ["FADD.FTZ", "FFMA", "FMNMX", "FSEL", "FSETP.GT.AND", "F2FP.BF16.F32.PACK_AB", "HFMA2.BF16_V2",
                  "DFMA", "FMUL2", "F2I.TRUNC"],
        "special": ["MUFU.EX2", "MUFU.RCP"],
        "other": ["BRA", "BAR.SYNC.DEFER_BLOCKING", "SHFL.BFLY", "LDGDEPBAR", "DEPBAR.LE", "WARPGROUP.ARRIVE",
                  "MOV", "UMOV", "S2R", "SYNCS.PHASECHK.TRANS64.TRYWAIT", "UTCBAR", "UTMACMDFLUSH"],
    }  # fmt: skip
    for what, some in names.items():
        assert {name: kind(name) for name in some} == dict.fromkeys(some, what)
    assert operations("HMMA.16816.F32.BF16") == 2 * 16 * 8 * 16
    assert operations("HGMMA.64x256x16.F32.BF16") == 2 * 64 * 256 * 16 / 4
    assert operations("DMMA.884") == 2 * 8 * 8 * 4 and operations("FFMA") == 0
    assert [loaded(f"LDG.E{width}") for width in (".128", ".64", "", ".U16", ".S8")] == [16, 8, 4, 2, 1]
    assert loaded("LDGSTS.E.BYPASS.LTC128B.128") == 16 and loaded("LDS.128") == 0


AMD = """
k:
	s_load_dword s0, s[4:5], 0x0
.LBB0_1:   ; =>This Inner Loop Header: Depth=1
	global_load_dwordx4 v[0:3], v[4:5], off
	v_exp_f32_e32 v1, v1
	v_add_f32_e32 v1, v1, v2
	v_add_u32_e32 v1, v1, v2
	{products}
	s_cbranch_scc1 .LBB0_1
; %bb.2:
	s_endpgm
"""


def test_amd_assembly():
    product = "v_mfma_f32_32x32x8_bf16 a[0:15], v[0:1], v[2:3], a[0:15]\n\t"
    # 8 warps of 64 threads: 16 instructions each of 2 x 32 x 32 x 8 are one unit of 2 x 128 x 128 x 64
    found = count_amd(AMD.format(products=16 * product), tiles(), 8)
    assert found == counts(matrix=128, memory=8, integer=8, float=8, special=8, other=8)
    rows = count_amd(AMD.format(products="s_nop 0"), elements_of_long_rows(4, 4, 1), 8)
    assert rows == counts(memory=0.125, integer=0.125, float=0.125, special=0.125, other=0.25)
    whole = count_amd(AMD.format(products="s_nop 0"), elements(8 * 64 * 4, 4), 8)
    assert whole["memory"] == 0.25 and whole["special"] == 0.125
    with pytest.raises(Uncounted):
        count_amd("k:\n\ts_endpgm\n", tiles(), 8)


def test_occupancy_is_that_of_the_published_examples():
    """CUDA C++ Best Practices Guide, "Calculating Occupancy": on a multiprocessor of 65,536 registers and 64 warps, 37
    registers a thread leave 12 blocks of 128 threads (75 %), and four of 320 (63 %); 32 registers allow all.

    Tuning guides: 163 KB of shared memory for one block on compute capability 8.0, 227 KB on 9.0.
    """
    arch = ARCHITECTURES["sm_80"]
    assert blocks(arch, 4, 37, 0) == 12
    assert blocks(arch, 10, 37, 0) == 4
    assert blocks(arch, 4, 32, 0) * 4 == 64
    assert blocks(arch, 8, 255, 0) == 1 and blocks(arch, 1, 16, 0) == 16  # a scheduler each
    assert SHARED == {"sm_80": 163 << 10, "sm_90": 227 << 10, "sm_100": 227 << 10, "gfx942": 64 << 10}
    for name, most in SHARED.items():
        assert blocks(ARCHITECTURES[name], 4, 32, most) == 1
        assert blocks(ARCHITECTURES[name], 4, 32, most + 128) == 0
        assert blocks(ARCHITECTURES[name], 4, 32, most // 2 - 1024) == 2
    assert blocks(ARCHITECTURES["sm_100"], 4, 32, 0, columns=256) == 2
    # 512 vector registers for the threads of a unit: 128 leave four warps on each of four
    assert blocks(ARCHITECTURES["gfx942"], 4, 128, 0) == 4


def test_rates_are_those_of_the_data_sheets():
    """Operations a second that NVIDIA and AMD state, dense, of bfloat16, and gigabytes a second."""
    stated = {
        "sm_80": (312e12, 2039),
        "sm_90": (989.4e12, 3350),
        "sm_100": (2250e12, 8000),
        "gfx942": (1307.4e12, 5300),
    }
    for name, (rate, memory) in stated.items():
        arch = ARCHITECTURES[name]
        assert arch.matrix["half"] * arch.clock * arch.multiprocessors == pytest.approx(rate, rel=0.01)
        assert arch.bytes_a_clock * arch.clock * arch.multiprocessors == pytest.approx(memory * 1e9)
        assert arch.matrix["tf32"] * 2 == arch.matrix["half"]


def test_the_ceiling_is_set_by_the_slowest_resource():
    """A tile of 128 x 128 x 64 keeps the matrix unit of an H100 busy for 512 clocks, which issue 2,048 instructions."""
    arch = ARCHITECTURES["sm_90"]
    busy = clocks(counts(matrix=32, integer=2016), tiles(), arch)
    assert busy == {"issue": 512, "special": 0, "matrix": 512, "memory": 0}
    assert ceiling(counts(integer=1024), tiles(), arch) == (1.0, "matrix")
    assert ceiling(counts(integer=4096), tiles(), arch) == (0.5, "issue")
    assert ceiling(counts(special=512), tiles(), arch) == (0.5, "special")  # 16 lanes a clock
    row = elements(1024, 8)
    share, slowest = ceiling(counts(float=arch.slots * 512 / arch.bytes_a_clock), row, arch)
    assert (round(share, 3), slowest) == (0.5, "issue")
    assert ceiling(counts(float=1), row, arch) == (1.0, "memory")


def test_one_more_instruction_a_step_fails():
    plain = sass(PRODUCT.format(products=4 * STEP))
    planted = sass(PRODUCT.format(products=4 * STEP + "MUFU.EX2 R1, R1"))

    def report(listing: Listing, held: int = 2) -> Report:
        found = {
            **count_listing(listing, EIGHT, tiles()),
            "blocks": held,
            "warps": 8 * held,
            "ceiling": 100.0,
        }
        return Report("k[a]", "sm_90", unit="tile", counts={**found, "by": "matrix"})

    kept = {"k[a] sm_90": figures(report(plain))}
    assert kept["k[a] sm_90"][:5] == [0, 0, 0, 0, 0] and kept["k[a] sm_90"][5]["matrix"] == 32
    assert regressions([report(plain)], kept) == []
    assert regressions([report(planted)], kept) == [
        "k[a] sm_90: issued for a tile 64 -> 72, special for a tile 0 -> 8"
    ]
    assert regressions([report(plain, held=1)], kept) == ["k[a] sm_90: programs on a multiprocessor 2 -> 1"]
    before = {"k[a] sm_90": [0, 0, 0, 0, 0]}  # not counted yet
    assert regressions([report(plain)], before) == []
    assert differences([report(plain)], before, whole=True) == (["k[a] sm_90"], [])
    assert differences([report(plain)], kept, whole=True) == ([], [])
    assert "64" in show_counts([report(plain)]) and "2 (16)" in show_counts([report(plain)])


def test_a_product_and_a_row_are_counted_in_what_the_compiler_makes():
    text = compiled("""
        from tritonnn.kernels.check import compile as _compile
        gemm = next(c for c in _compile.of_family("linalg") if c.name == "gemm_kernel[half,128x128x64,8w]"
                    and "sm_90" in c.archs)
        rows = next(c for c in _compile.of_family("softmax") if c.name == "softmax_kernel[bf16,1024]")
        for case, arch in ((gemm, "sm_90"), (rows, "sm_80"), (rows, "gfx942")):
            report = _compile.examine(case, arch)
            assert not report.failure, report.failure
            print(report.counts["matrix"], report.counts["special"], report.counts["blocks"], report.counts["by"])
        from dataclasses import replace
        from tritonnn.kernels.check.case import tiles
        print(_compile.examine(replace(rows, work=tiles()), "sm_90").failure)
    """)
    product, nvidia, amd, wrong = text.splitlines()
    assert product.split()[0] == "32.0"  # 4 x 64x128x16 by two groups of four warps: a property of the tile
    assert float(nvidia.split()[1]) >= 1 and float(amd.split()[1]) >= 0.5  # an exp2 an element
    assert wrong == "its work was not found: no loop"
