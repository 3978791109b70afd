"""Matrix products; the kernels are in `_gemm.py`, their configurations in `_configs_gemm.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triton import language as tl

from tritonnn import precision
from tritonnn.buffer import Buffer
from tritonnn.dtypes import bfloat16, float8_e4m3fn, float8_e5m2, float16, float32, float64, int64
from tritonnn.kernels import _gemm
from tritonnn.kernels._autotune import pick
from tritonnn.kernels._case import Case
from tritonnn.kernels._configs_gemm import TABLE, Choice, Gemm, candidates, choose
from tritonnn.kernels._configs_pointwise import broadcast_strides
from tritonnn.kernels._launch import Plan, Slot, architecture, empty, multiprocessors, needs_int64, planned
from tritonnn.kernels.reduction import merge
from tritonnn.kernels.shape import copy, fill
from tritonnn.shape import contiguous_strides, numel

KINDS = {float16: "half", bfloat16: "half", float8_e4m3fn: "fp8", float8_e5m2: "fp8", float64: "fp64"}
WORTH_COPYING = 1 << 16  # elements from which an operand without a contiguous dimension is copied first


def matmul_nd(out: Buffer, input: Buffer, other: Buffer) -> None:
    """out[..., i, j] = sum over k of input[..., i, k] other[..., k, j]; leading dimensions broadcast."""
    _matmul(out, input, other, precision.kernel_precision(), not (out.ptr | input.ptr | other.ptr) & 15)


def linear(out: Buffer, input: Buffer, weight: Buffer, bias: Buffer | None) -> None:
    """out = input @ weight.T + bias over the last dimension."""
    _linear(
        out, input, weight, bias, precision.kernel_precision(), not (out.ptr | input.ptr | weight.ptr) & 15
    )


@planned
def _matmul(out: Buffer, input: Buffer, other: Buffer, precise: str, aligned: bool) -> Callable[..., None]:
    batch = out.shape[:-2]
    return plan_product(
        out, _with_batch(input, batch), _with_batch(other, batch), None, None, precise, aligned
    )


@planned
def _linear(
    out: Buffer, input: Buffer, weight: Buffer, bias: Buffer | None, precise: str, aligned: bool
) -> Callable[..., None]:
    if input.ndim == 1:
        input = input.as_strided((1, *input.shape), (0, *input.strides))
        out = out.as_strided((1, *out.shape), (0, *out.strides))
    turned = weight.as_strided(weight.shape[::-1], weight.strides[::-1])
    return plan_product(out, input, _with_batch(turned, out.shape[:-2]), bias, None, precise, aligned)


def plan_product(
    out: Buffer, a: Buffer, b: Buffer, bias: Buffer | None = None, epilogue: Any = None, precise: str = "ieee",
    aligned: bool = False, configuration: Choice | None = None,
) -> Callable[..., None]:  # fmt: skip
    """What computes out = epilogue(a @ b + bias); called with out, a, b (and bias), of which it takes the memory.

    Args:
        out: (*batch, m, n).
        a: (*batch, m, k), with the very batch dimensions of `out`, of any strides.
        b: (*batch, k, n), likewise.
        bias: (n,).
        epilogue: a scalar `@triton.jit` function applied to the result in float32.
        precise: 'ieee', 'tf32x3' or 'tf32', for float32.
        aligned: whether all memory the plan will be called with starts at a multiple of 16 bytes.
        configuration: instead of the chosen one.
    """
    if out.dtype.is_complex:
        raise NotImplementedError(
            f"matrix products have no GPU kernel for {out.dtype.name}: add it to kernels/linalg.py"
        )
    if 0 in out.shape:
        return lambda *buffers: None
    if a.shape[-1] == 0 and bias is None and epilogue is None:
        return lambda out, *rest: fill(out, 0)
    out, a, b = _folded(out, a, b)
    if not out.dtype.is_floating_point:
        return _integers(out, a, b, bias)
    for position, operand in ((1, a), (2, b)):
        if 1 not in operand.strides[-2:] and operand.numel >= WORTH_COPYING:
            return _after_copy(position, (out, a, b), bias, epilogue, precise)
    kind, precise = _kind(a.dtype, precise)

    def build(choice: Choice) -> Callable[..., None]:
        if choice.config.persistent:
            return _persistent(out, a, b, bias, epilogue, choice.config, precise)
        return _tiled(out, a, b, bias, epilogue, choice, precise)

    if configuration is None:
        configuration = _configuration(out, a, b, bias, kind, aligned and _describable(a, b, out), build)
    return build(configuration)


def _configuration(
    out: Buffer, a: Buffer, b: Buffer, bias: Buffer | None, kind: str, descriptors: bool,
    build: Callable[[Choice], Callable[..., None]],
) -> Choice:  # fmt: skip
    """The measured configuration where there is one, else the chooser's."""
    arch, m, n, k, batch = architecture(), out.shape[-2], out.shape[-1], a.shape[-1], numel(out.shape[:-2])
    descriptors = descriptors and kind in ("half", "fp8") and batch == 1
    default = choose(arch, kind, m, n, k, batch, descriptors)
    given = [x for x in (out, a, b, bias) if x is not None]

    def ready(choice: Choice) -> Callable[[], None]:
        plan = build(choice)
        return lambda: plan(*given)

    problem = (kind, m, n, k, batch, a.strides[-1] == 1, b.strides[-1] == 1, descriptors)
    return pick(
        _gemm.gemm_kernel, problem, default, candidates(arch, kind, m, n, k, batch, descriptors), ready
    )


def _after_copy(
    position: int, operands: tuple[Buffer, ...], bias: Buffer | None, epilogue: Any, precise: str
) -> Callable[..., None]:
    """A large operand neither of whose dimensions is contiguous is copied first."""
    source = operands[position]
    shape = source.shape
    dense = source.as_strided(shape, contiguous_strides(shape))
    replaced = [*operands[:position], dense, *operands[position + 1 :]]
    then = plan_product(*replaced, bias, epilogue, precise)

    def run(*buffers: Buffer) -> None:
        given = list(buffers)
        made = empty(shape, source.dtype, like=source)
        copy(made, given[position].as_strided(shape, source.strides))
        given[position] = made
        then(*given)

    return run


def _with_batch(matrix: Buffer, batch: tuple[int, ...]) -> Buffer:
    """The matrices broadcast to the batch dimensions."""
    shape = (*batch, *matrix.shape[-2:])
    return matrix.as_strided(shape, broadcast_strides(matrix, shape))


def _folded(out: Buffer, a: Buffer, b: Buffer) -> tuple[Buffer, Buffer, Buffer]:
    """With one b for all, batch dimensions as further rows, where a's and the result's strides allow."""
    while out.ndim > 2 and b.strides[-3] == 0:
        if not (_row_like(out) and _row_like(a)):
            break
        out, a = _absorb(out), _absorb(a)
        b = b.as_strided((*b.shape[:-3], *b.shape[-2:]), (*b.strides[:-3], *b.strides[-2:]))
    return out, a, b


def _row_like(x: Buffer) -> bool:
    """Whether the last batch dimension continues the rows."""
    return x.shape[-3] == 1 or x.shape[-2] == 1 or x.strides[-3] == x.strides[-2] * x.shape[-2]


def _absorb(x: Buffer) -> Buffer:
    step = x.strides[-3] if x.shape[-2] == 1 else x.strides[-2]
    return x.as_strided(
        (*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1]), (*x.strides[:-3], step, x.strides[-1])
    )


def _kind(dtype: Any, precise: str) -> tuple[str, str]:
    """The table a type's configurations are in, and Triton's name of the precision."""
    if dtype is not float32:
        return KINDS[dtype], "ieee"
    if precise == "tf32x3" and architecture().startswith("gfx"):
        precise = "ieee"
    return ("ieee" if precise == "ieee" else "tf32"), precise


def _describable(*matrices: Buffer) -> bool:
    """Whether all can be read through tensor descriptors: contiguous rows or columns, 16-byte-aligned."""
    for x in matrices:
        size = x.dtype.itemsize
        rows, columns = x.strides[-2:]
        step = rows if columns == 1 else columns if rows == 1 and x is not matrices[-1] else 0
        if step <= 0 or step * size % 16 or x.ptr % 16:
            return False
    return True


def _tiled(
    out: Buffer, a: Buffer, b: Buffer, bias: Buffer | None, epilogue: Any, choice: Choice, precise: str
) -> Callable[..., None]:
    config, split = choice
    m, n, k = out.shape[-2], out.shape[-1], a.shape[-1]
    shape, a_batch, b_batch, c_batch = _batches(out, a, b)
    batch = numel(shape)
    chunk = -(-k // (split * config.k)) * config.k
    split = max(1, -(-k // chunk)) if chunk else 1
    acc = float64 if out.dtype is float64 else float32
    rows, parts_batch = out.strides[-2:], c_batch
    if split > 1:
        rows, parts_batch = (n, 1), tuple([s * m * n for s in contiguous_strides(shape)])
    whole = bias is not None and split == 1
    wide = needs_int64(out, a, b) or batch * (m + config.m) * (n + config.n) >= 2**31
    first = Plan(
        _gemm.gemm_kernel, (-(-m // config.m) * -(-n // config.n) * batch, split), Slot(1), Slot(2), Slot(0),
        Slot(3 if whole else 0), shape, a_batch, b_batch, parts_batch, m, n, k, chunk,
        *a.strides[-2:], *b.strides[-2:], *rows, bias.strides[0] if whole else 0, batch * m * n,
        BLOCK_M=config.m, BLOCK_N=config.n, BLOCK_K=config.k, GROUP=config.group, ACC=_TRITON[acc],
        PRECISION=precise, BIAS=whole, EPILOGUE=epilogue if split == 1 else None,
        EVEN_K=k % (chunk or 1) == 0, INT64=wide, num_warps=config.warps, num_stages=config.stages,
    )  # fmt: skip
    if split == 1:
        return first
    count = batch * m * n
    second = Plan(
        _gemm.sum_parts_kernel, (-(-count // 1024),), Slot(0), Slot(1), Slot(2 if bias is not None else 0), shape,
        c_batch, m, n, count, split, *out.strides[-2:], 0 if bias is None else bias.strides[0], ACC=_TRITON[acc],
        BIAS=bias is not None, EPILOGUE=epilogue, BLOCK=1024, INT64=needs_int64(out) or count + 1024 >= 2**31,
    )  # fmt: skip

    def run(out: Buffer, a: Buffer, b: Buffer, *bias: Buffer) -> None:
        parts = empty((split, batch, m, n), acc, like=out)
        first(parts, a, b)
        second(out, parts, *bias)

    return run


_TRITON = {float32: tl.float32, float64: tl.float64}


def _batches(out: Buffer, a: Buffer, b: Buffer) -> tuple[tuple[int, ...], ...]:
    """Extents of the batch dimensions, merged, and their strides in a, b and out."""
    sides = list(zip(out.shape[:-2], a.strides[:-2], b.strides[:-2], out.strides[:-2], strict=True))
    return merge(sides, 4, sort=False)


def _persistent(
    out: Buffer, a: Buffer, b: Buffer, bias: Buffer | None, epilogue: Any, config: Gemm, precise: str
) -> Callable[..., None]:
    out, a, b = (x.as_strided(x.shape[-2:], x.strides[-2:]) for x in (out, a, b))
    (m, n), k = out.shape, a.shape[-1]
    tiles = -(-m // config.m) * -(-n // config.n)
    return Plan(
        _gemm.persistent_gemm_kernel, (min(tiles, multiprocessors(out)),), Slot(1), Slot(2), Slot(0),
        Slot(0 if bias is None else 3), m, n, k, max(a.strides), max(b.strides), out.strides[0],
        0 if bias is None else bias.strides[0], BLOCK_M=config.m, BLOCK_N=config.n, BLOCK_K=config.k,
        GROUP=config.group, ACC=tl.float32, PRECISION=precise, BIAS=bias is not None, EPILOGUE=epilogue,
        A_ACROSS=a.strides[1] != 1, B_ACROSS=b.strides[1] == 1, SPECIALIZE=config.specialize,
        num_warps=config.warps, num_stages=config.stages,
    )  # fmt: skip


def _integers(out: Buffer, a: Buffer, b: Buffer, bias: Buffer | None) -> Callable[..., None]:
    m, n, k = out.shape[-2], out.shape[-1], a.shape[-1]
    shape, a_batch, b_batch, c_batch = _batches(out, a, b)
    return Plan(
        _gemm.gemm_loop_kernel, (-(-m // 32) * -(-n // 32) * numel(shape),), Slot(1), Slot(2), Slot(0),
        Slot(0 if bias is None else 3), shape, a_batch, b_batch, c_batch, m, n, k, *a.strides[-2:],
        *b.strides[-2:], *out.strides[-2:], 0 if bias is None else bias.strides[0], BLOCK_M=32, BLOCK_N=32,
        ACC=tl.int64 if out.dtype is int64 else tl.int32, BIAS=bias is not None,
    )  # fmt: skip


_TYPES = {"half": ("bf16", tl.float32), "tf32": ("fp32", tl.float32), "ieee": ("fp32", tl.float32),
          "fp64": ("fp64", tl.float64), "fp8": ("fp8e4nv", tl.float32)}  # fmt: skip


def _case(arch: str, kind: str, config: Gemm, across: bool = True) -> Case:
    """A configuration of the table; `across`: b lies in memory as (k, n)."""
    element, acc = _TYPES[kind]
    result = "bf16" if kind == "fp8" else element
    options = {
        "BLOCK_M": config.m, "BLOCK_N": config.n, "BLOCK_K": config.k, "GROUP": config.group, "ACC": acc,
        "PRECISION": "tf32" if kind == "tf32" else "ieee", "BIAS": True, "EPILOGUE": None,
    }  # fmt: skip
    pointers = f"*{element} *{element} *{result} *{result}"
    # Short tiles use the matrix instructions of a single warp, and float32 by multiply-adds uses none on NVIDIA.
    full = config.m >= (64 if arch == "sm_90" else 128) or not arch.startswith(("sm_9", "sm_10"))
    matrix = (kind in ("half", "fp8", "tf32") and full) or arch.startswith("gfx")
    label = (
        f"{kind},{config.m}x{config.n}x{config.k},{config.warps}w{',specialize' if config.specialize else ''}"
    )
    extra = {"label": label + ("" if across else ",b^T"), "num_warps": config.warps, "num_stages": config.stages,
             "matrix": matrix, "spills": config.spills, "archs": (arch,)}  # fmt: skip
    if config.persistent:
        return Case(
            _gemm.persistent_gemm_kernel, f"{pointers} i32:16 i32:16 i32:16 i32:16 i32:16 i32:16 i32=1",
            {**options, "A_ACROSS": False, "B_ACROSS": across, "SPECIALIZE": config.specialize},
            specialize=config.specialize, **extra,
        )  # fmt: skip
    b = "i32:16 i32=1" if across else "i32=1 i32:16"
    return Case(
        _gemm.gemm_kernel,
        f"{pointers} (i32=1) (i32:16) (i32:16) (i32:16) i32:16 i32:16 i32:16 i32:16 i32:16 i32=1 {b} i32:16 i32=1"
        " i32=1 i32:16",
        {**options, "EVEN_K": True, "INT64": False}, **extra,
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Every configuration of every table on its architecture, b as (k, n) and, for half precision, as (n, k)."""
    cases = []
    for arch in ("sm_80", "sm_90", "sm_100", "gfx942"):
        for kind, configs in TABLE[arch].items():
            if kind == "fp8" and arch == "sm_80":  # has no float8 instructions
                continue
            cases += [_case(arch, kind, config) for config in configs]
            if kind == "half":
                cases += [_case(arch, kind, config, across=False) for config in configs]
    strides = "i32:16 i32=1 i32:16 i32=1 i32:16 i32=1 i32=1"
    cases.append(Case(
        _gemm.gemm_loop_kernel,
        f"*i64 *i64 *i64 *i64 (i32=1) (i32:16) (i32:16) (i32:16) i32:16 i32:16 i32:16 {strides}",
        {"BLOCK_M": 32, "BLOCK_N": 32, "ACC": tl.int64, "BIAS": False}, label="i64",
    ))  # fmt: skip
    cases.append(Case(
        _gemm.sum_parts_kernel,
        "*bf16 *fp32 *bf16 (i32=1) (i32:16) i32:16 i32:16 i32:16 i32 i32:16 i32=1 i32=1",
        {"ACC": tl.float32, "BIAS": True, "EPILOGUE": None, "BLOCK": 1024, "INT64": False}, label="bf16",
    ))  # fmt: skip
    return cases
