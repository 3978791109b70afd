"""Every configuration of the tables is compiled by some case, and asks for the precision that it says."""

from __future__ import annotations

from itertools import product

import pytest
from compiling import compiled

from tritonnn.kernels import scan
from tritonnn.kernels.check.case import ARCHITECTURES
from tritonnn.kernels.check.compile import of_family
from tritonnn.kernels.convolution._forward_cases import FLOAT64_ON_942
from tritonnn.kernels.embedding import embedding
from tritonnn.kernels.normalization import normalization
from tritonnn.kernels.softmax import LONGEST_PAIR, LONGEST_ROW
from tritonnn.kernels.softmax import choose_walk as choose_softmax
from tritonnn.kernels.tables import attention as _configs_attention
from tritonnn.kernels.tables import attention_decode as _configs_decode
from tritonnn.kernels.tables import attention_forward as _configs_forward
from tritonnn.kernels.tables import convolution as _configs_conv
from tritonnn.kernels.tables import convolution_weight as _configs_weight
from tritonnn.kernels.tables import gemm as _configs_gemm
from tritonnn.kernels.tables import recurrent as _configs_recurrent
from tritonnn.kernels.tables.pointwise import Geometry, choose_walk, flat_block
from tritonnn.kernels.tables.reduction import choose_reduction, choose_rows

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
    compiled = {
        tiles(case)
        for family in ("linalg", "loss")
        for case in of_family(family)
        if arch in case.archs and "gemm_kernel" in case.kernel.__name__
        and (kind not in ELEMENT or first_element(case) == ELEMENT[kind])
    }  # fmt: skip
    for g in _configs_gemm.TABLE[arch][kind]:
        wanted = (g.m, g.n, g.k, g.warps, g.stages, g.persistent, g.specialize)
        assert wanted in compiled, f"{arch} {kind}: no case compiles {g}"


def test_the_precision_asked_for_is_in_the_binary():
    text = compiled("""
        from dataclasses import replace
        from tritonnn.kernels.check.compile import build, cases, of_family
        found = [c for c in of_family("linalg")
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


# ---- convolution, attention, reductions, elementwise


def test_every_convolution_tile_is_compiled():
    compiled = {
        (case.kernel.__name__, arch, case.signature.split()[1], case.constants["CHANNELS"] is not None,
         case.constants["BLOCK_M"], case.constants["BLOCK_N"], case.constants["BLOCK_K"], case.num_warps,
         case.num_stages)
        for case in of_family("convolution") if case.kernel.__name__ == "correlate_kernel"
        for arch in case.archs
    }  # fmt: skip
    sizes = (1, 15, 16, 17, 32, 33, 63, 64, 65, 100, 128, 129, 1000, 100000)
    for arch, (kind, size) in product(ARCHITECTURES, (("*bf16", 2), ("*fp32", 4), ("*fp64", 8))):
        if (arch, size) == ("gfx942", 8) and not FLOAT64_ON_942:
            continue
        for rows, columns, depth, flat in product(sizes, sizes, sizes, (False, True)):
            tile = _configs_conv.choose_forward(rows, columns, depth, size, arch, flat)
            assert ("correlate_kernel", arch, kind, flat, *tile) in compiled


def test_every_tile_of_weight_gradients_is_compiled():
    compiled = {
        (case.kernel.__name__, arch, case.label.partition("-")[0], case.constants["BLOCK_M"], case.constants["BLOCK_N"],
         case.constants["IMAGES"] * case.constants["HEIGHT"] * case.constants["WIDTH"], case.num_warps, case.num_stages)
        for case in of_family("convolution") if case.kernel.__name__ in ("weight_kernel", "weight_boxes_kernel")
        for arch in case.archs
    }  # fmt: skip
    sizes = (1, 16, 17, 64, 100, 512)
    for arch, (kind, size) in product(ARCHITECTURES, (("bf16", 2), ("fp32", 4), ("fp64", 8))):
        if (arch, size) == ("gfx942", 8) and not FLOAT64_ON_942:
            continue
        for rows, channels, boxes in product(sizes, sizes, {False, _configs_weight.has_boxes(arch, size)}):
            for tile, _, _ in _configs_weight.weight_candidates(
                rows, channels, 9, 10**6, size, arch, 132, 1, boxes
            ):
                kernel = "weight_boxes_kernel" if boxes else "weight_kernel"
                assert (kernel, arch, kind, *tile) in compiled


@pytest.mark.parametrize("stage", range(3))
def test_every_attention_tile_is_compiled(stage):
    kernel = ("attention_kernel", "keys_backward_kernel", "queries_backward_kernel")[stage]
    element = {"half": "*bf16", "single": "*fp32", "double": "*fp64"}
    compiled = {
        (arch, case.signature.split()[0], case.constants["BLOCK_M"], case.constants["BLOCK_N"], case.num_warps,
         case.num_stages)
        for case in of_family("attention") if case.kernel.__name__ == kernel for arch in case.archs
    }  # fmt: skip
    for arch, kind, width in product(ARCHITECTURES, element, (16, 32, 64, 128, 256, 512)):
        if kind != "double" or width <= 128:
            tile = _configs_attention.choose(arch, kind, width, stage)
            assert (arch, element[kind], *tile) in compiled, f"{arch} {kind} {width}: no case compiles {tile}"


def test_every_described_attention_tile_is_compiled():
    compiled = {
        (arch, case.constants["BLOCK_D"], case.constants["BLOCK_M"], case.constants["BLOCK_N"], case.num_warps,
         case.num_stages, "SPECIALIZE" in case.constants, bool(case.constants.get("MASK")),
         case.constants.get("DROPOUT", False), case.constants.get("WINDOW", False))
        for case in of_family("attention") if case.kernel.__name__.endswith("attention_kernel") for arch in case.archs
        if "tensordesc" in case.signature or "SPECIALIZE" in case.constants
    }  # fmt: skip
    settings = {"plain": (False,) * 3, "masked": (True, False, False), "dropped": (False, True, False)}
    for arch, kind, width in product(("sm_90", "sm_100"), settings, (64, 128, 256)):
        for tile in _configs_forward.described(arch, kind, width):
            assert (arch, width, *tile, *settings[kind]) in compiled, (
                f"{arch} {kind} {width}: no case compiles {tile}"
            )
    for arch, width in product(("sm_90", "sm_100"), (64, 128, 256)):
        first = _configs_forward.described(arch, "windowed", width)[0]
        assert (arch, width, *first, False, False, True) in compiled


def test_every_decoding_tile_is_compiled():
    compiled = {
        (arch, case.signature.split()[2], case.constants["BLOCK_D"], case.constants["BLOCK_N"], case.num_warps,
         case.num_stages)
        for case in of_family("attention") if case.kernel.__name__ == "part_kernel" for arch in case.archs
    }  # fmt: skip
    for arch, (kind, pointer, widths) in product(
        ARCHITECTURES, (("half", "*bf16", (64, 128, 256)), ("single", "*fp32", (64, 128)))
    ):
        for width in widths:
            assert (arch, pointer, width, *_configs_decode.decode_tile(arch, kind, width)[1:]) in compiled


@pytest.mark.parametrize("stage", [_configs_attention.FOR_KEYS, _configs_attention.FOR_QUERIES])
def test_every_attention_tile_of_descriptors_and_windows_is_compiled(stage):
    kernel = ("keys_backward_kernel", "queries_backward_kernel")[stage - _configs_attention.FOR_KEYS]
    compiled = {
        (arch, case.constants["DESCRIBED"], case.constants["BLOCK_M"], case.constants["BLOCK_N"], case.num_warps,
         case.num_stages, case.constants["BLOCK_D"] > 64)
        for case in of_family("attention") if case.kernel.__name__ == kernel for arch in case.archs
    }  # fmt: skip
    for arch, width, plain in product(("sm_90", "sm_100"), (64, 128), (True, False)):
        tile = _configs_attention.choose_backward(arch, "half", width, stage, plain, width == 64)
        assert (arch, plain, *tile, width > 64) in compiled


def everywhere(family, kernel, *names):
    """What the cases of a kernel on every architecture have of these constants, and their warps."""
    cases = [case for case in of_family(family) if case.kernel.__name__ == kernel]
    return set.intersection(*[
        {(*[case.constants[name] for name in names], case.num_warps) for case in cases if arch in case.archs}
        for arch in ARCHITECTURES
    ])  # fmt: skip


LENGTHS = [1 << k for k in range(18)] + [3, 100, 1000, 5000, 100000]
MANY = 1 << 20


@pytest.mark.parametrize(
    ("kernel", "longest"), [("softmax_kernel", LONGEST_ROW), ("softmax_backward_kernel", LONGEST_PAIR)]
)
def test_every_softmax_tile_is_compiled(kernel, longest):
    compiled = everywhere("softmax", kernel, "BLOCK_K", "BLOCK_R", "ONCE")
    for length, contiguous in product(LENGTHS, (True, False)):
        assert choose_softmax(MANY, length, contiguous, longest) in compiled


def test_every_tile_of_cross_entropy_is_compiled():
    compiled = everywhere("loss", "cross_entropy_kernel", "BLOCK_K", "BLOCK_R", "ONCE")
    for length, contiguous in product(LENGTHS, (True, False)):
        assert choose_softmax(MANY, length, contiguous, LONGEST_ROW) in compiled


def test_every_tile_of_layer_and_rms_normalisation_is_compiled():
    forward = everywhere("normalization", "row_norm_kernel", "BLOCK_K", "BLOCK_R")
    backward = everywhere("normalization", "row_norm_backward_kernel", "BLOCK_K", "BLOCK_R")
    for length in LENGTHS:
        if length <= normalization.LONGEST_ROW:
            assert choose_rows(MANY, length) in forward
        if length <= normalization.LONGEST_BACKWARD:
            assert normalization.choose_backward(MANY, length, 132, 4)[:3] in backward


def test_every_tiling_of_large_reductions_is_compiled():
    compiled = everywhere("reduction", "reduce_kernel", "BLOCK_K", "BLOCK_R")
    for small, along in product([*LENGTHS, MANY], (True, False)):
        assert choose_reduction(small, MANY, along, 132)[:3] in compiled
        assert choose_reduction(MANY, small, along, 108)[:3] in compiled


def test_every_walk_of_elementwise_kernels_is_compiled():
    compiled = everywhere("device", "pointwise_kernel", "MODE", "BLOCK_M", "BLOCK_N")
    compiled |= everywhere("elementwise", "pointwise_kernel", "MODE", "BLOCK_M", "BLOCK_N")
    for itemsize in (1, 2, 4, 8):
        assert (0, 1, flat_block(itemsize), 4) in compiled
    sizes = (1, 2, 7, 8, 9, 16, 31, 32, 33, 64, 100, 128, 256, 1000, 1024, 4096)
    for rows, columns, itemsize in product(sizes, sizes, (2, 4)):
        for strides in ((2 * columns, 1), (1, rows), (0, 1), (1, 0)):
            walk = choose_walk(Geometry((rows, columns), ((2 * columns, 1), strides)), itemsize)[1]
            assert walk[:4] in compiled


def test_every_tile_of_lookups_and_scans_is_compiled():
    compiled = everywhere("embedding", "lookup_kernel", "BLOCK_I", "BLOCK_D")
    assert {tuple(embedding.choose_lookup(width)) for width in LENGTHS} <= compiled
    scans = everywhere("scan", "scan_kernel", "KIND", "COMPUTE", "ROWS", "COLUMNS")
    for kind, length in product((scan.SUM, scan.LOGSUMEXP), LENGTHS):
        assert (kind, scan.tl.float32, *scan._tile(kind, scan.tl.float32, 512, length)) in scans


def test_every_division_of_recurrent_layers_is_compiled():
    """Whole layers with the most units that fit, on every architecture."""
    compiled = {
        (arch, case.signature.split()[0], c["UNITS"], c["ROWS"], case.num_warps, c["STAGES"])
        for case in of_family("recurrent") for arch in case.archs
        if case.kernel.__name__ == "rnn_steps_kernel" and (c := case.constants)
    }  # fmt: skip
    for arch, units in product(ARCHITECTURES, (64, 128, 256)):
        for element, size in (("*bf16", 2), ("*fp32", 4), ("*fp64", 8)):
            nbytes = _configs_recurrent.weight_bytes(1, units, units, False, size)
            tile = _configs_recurrent.choose_resident(arch, nbytes, units, size, 1, 132)
            larger = _configs_recurrent.choose_resident(arch, 4 * nbytes, 2 * units, size, 1, 132)
            if tile is not None and tile != larger:
                assert (arch, element, units, *tile[2:]) in compiled, f"{arch} {element} {units}: {tile}"
