"""The one kernel behind every elementwise op: strided, broadcasting, mixed types, any number of operands.

The scalar function is a constexpr argument. On the host, operands are broadcast, dimensions reordered after
the output's strides and merged where all operands allow it, and one of three walks is chosen:

- `FLAT`: everything is contiguous in the same order (or a single element): one linear index, 16-byte
  accesses.
- `TILE`: the two dimensions that matter (the output's innermost one, and the one that is innermost in a
  transposed operand, or else the next) are walked by two-dimensional tiles, so that every operand is read
  along its own rows and an operand that is broadcast along one of them is loaded once per tile. The other
  dimensions are in the grid.
- `LINEAR`: a linear index taken apart by division, for small or awkward dimensions.

Which strides are 0 is a constexpr: a dimension along which an operand is broadcast vanishes from its address.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import (
    bfloat16,
    bool_,
    float8_e4m3fn,
    float8_e5m2,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from tritonnn.dtypes import dtype as DType
from tritonnn.kernels._case import Case
from tritonnn.kernels._launch import LARGEST_CACHE, Plan, Slot, i64
from tritonnn.shape import numel

FLAT, LINEAR, TILE = 0, 1, 2
SCALARS = 4

COMPUTE = {
    bool_: tl.int8, uint8: tl.uint8, int8: tl.int8, int16: tl.int16,
    int32: tl.int32, int64: tl.int64, float16: tl.float32, bfloat16: tl.float32,
    float32: tl.float32, float64: tl.float64, float8_e4m3fn: tl.float32,
    float8_e5m2: tl.float32,
}  # fmt: skip


@triton.jit
def convert(x, dtype: tl.constexpr):
    """`x` as `dtype`, as PyTorch converts: anything but 0 is True, real to small integers by way of int64."""
    if x.dtype == dtype:
        return x
    elif dtype == tl.int1:
        return x != 0
    elif x.dtype.is_floating() and (dtype == tl.uint8 or dtype == tl.int8 or dtype == tl.int16):
        return x.to(tl.int64).to(dtype)
    elif dtype.is_floating() and dtype.primitive_bitwidth < 32:
        return x.to(tl.float32).to(dtype)
    else:
        return x.to(dtype)


@triton.jit
def _scalar(bits, dtype: tl.constexpr):
    """A Python number: an int, or the bits of a float64 where the op computes in floating point."""
    if dtype.is_floating():
        return bits.to(tl.int64).to(tl.float64, bitcast=True).to(dtype)
    else:
        return bits.to(dtype)


@triton.jit
def _spread(value, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, MODE: tl.constexpr):
    """A scalar as a block, so that scalar functions see only blocks: some scalars are mistyped."""
    if MODE == 2:
        return tl.broadcast_to(value, BLOCK_M, BLOCK_N)
    else:
        return tl.broadcast_to(value, BLOCK_N)


@triton.jit
def _offset(index, strides, ALONG: tl.constexpr):
    offset = 0
    for d in tl.static_range(len(strides)):
        if (ALONG >> d) & 1:
            offset += index[d] * strides[d]
    return offset


@triton.jit
def _mask(rows, columns, RANK: tl.constexpr, ALONG: tl.constexpr, MODE: tl.constexpr):
    """The part of the mask that has the shape of an operand's offsets."""
    if MODE == 2:
        if not (ALONG >> (RANK - 1)) & 1:
            return rows
        elif not (ALONG >> (RANK - 2)) & 1:
            return columns
        else:
            return rows & columns
    else:
        return columns


@triton.jit
def _load(
    pointer, index, rows, columns, strides,
    ALONG: tl.constexpr, MODE: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """An operand's elements, of the shape of its own offsets; a single one is loaded once, without a mask."""
    if MASKED and ALONG != 0:
        mask = _mask(rows, columns, len(strides), ALONG, MODE)
        return tl.load(pointer + _offset(index, strides, ALONG), mask=mask)
    else:
        return tl.load(pointer + _offset(index, strides, ALONG))


@triton.jit
def _index(shape, n, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, MODE: tl.constexpr, INT64: tl.constexpr):
    """Index of each dimension, and masks over rows and columns (the same one where there are no rows)."""
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    rank: tl.constexpr = len(shape)
    if MODE == 2:
        columns = tl.cdiv(shape[rank - 1], BLOCK_N)
        j = (pid % columns) * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
        pid = pid // columns
        rows = tl.cdiv(shape[rank - 2], BLOCK_M)
        i = (pid % rows) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
        rest = pid // rows
        index = (i, j)
        for k in tl.static_range(2, rank):
            extent = shape[rank - 1 - k]
            index = (rest % extent,) + index
            rest = rest // extent
        return index, i < shape[rank - 2], j < shape[rank - 1]
    else:
        rest = pid * BLOCK_N + tl.arange(0, BLOCK_N)
        mask = rest < n
        index = ()
        for k in tl.static_range(rank - 1):
            extent = shape[rank - 1 - k]
            index = (rest % extent,) + index
            rest = rest // extent
        return (rest,) + index, mask, mask


@triton.jit
def _apply(
    out, ins, scalars, index, rows, columns, out_strides, in_strides,
    FN: tl.constexpr, ORDER: tl.constexpr, ALONG: tl.constexpr, COMPUTE: tl.constexpr, MODE: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    operands = ()
    for k in tl.static_range(len(ORDER)):
        if ORDER[k] < 0:
            number = _scalar(scalars[-1 - ORDER[k]], COMPUTE)
            operands = operands + (_spread(number, BLOCK_M, BLOCK_N, MODE),)
        else:
            loaded = _load(
                ins[ORDER[k]], index, rows, columns, in_strides[ORDER[k]], ALONG[ORDER[k]], MODE, MASKED
            )
            if ALONG[ORDER[k]] == 0:
                loaded = _spread(loaded, BLOCK_M, BLOCK_N, MODE)
            operands = operands + (convert(loaded, COMPUTE),)
    result = convert(FN(*operands), out.dtype.element_ty)
    EVERY: tl.constexpr = (1 << len(out_strides)) - 1
    target = out + _offset(index, out_strides, EVERY)
    if MASKED:
        tl.store(target, result, mask=_mask(rows, columns, len(out_strides), EVERY, MODE))
    else:
        tl.store(target, result)


@triton.jit(do_not_specialize=["s0", "s1", "s2", "s3"])
def pointwise_kernel(
    out, ins, shape, out_strides, in_strides, n, s0: i64, s1: i64, s2: i64, s3: i64,
    FN: tl.constexpr, ORDER: tl.constexpr, ALONG: tl.constexpr, COMPUTE: tl.constexpr, MODE: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, INT64: tl.constexpr, RAGGED: tl.constexpr,
):  # fmt: skip
    """out[i] = FN(operands[i]...) over all indices.

    Args:
        out: pointer to the output.
        ins: pointers to the tensor operands.
        shape: extents of the merged dimensions, the output's innermost last.
        out_strides: the output's strides, one per dimension.
        in_strides: one such tuple per tensor operand.
        n: number of elements.
        s0: bits of the first Python number among the operands; s1, s2, s3: of the next ones.
        FN: the scalar function.
        ORDER: what each operand of FN is: k >= 0 is `ins[k]`, k < 0 is scalar -1 - k.
        ALONG: per tensor operand, bit d is set where its stride along dimension d is not 0.
        COMPUTE: the type FN computes in.
        MODE: FLAT, LINEAR or TILE.
        RAGGED: whole blocks go without masks. A mask that may end inside 16 bytes forbids 16-byte accesses,
            so without this a size that is no multiple of 16 would slow down every block, not just the last.
    """
    index, rows, columns = _index(shape, n, BLOCK_M, BLOCK_N, MODE, INT64)
    numbers = (s0, s1, s2, s3)
    if RAGGED:
        if (tl.program_id(0) + 1).to(tl.int64) * BLOCK_N <= n:
            _apply(
                out, ins, numbers, index, rows, columns, out_strides, in_strides,
                FN, ORDER, ALONG, COMPUTE, MODE, BLOCK_M, BLOCK_N, False,
            )  # fmt: skip
        else:
            _apply(
                out, ins, numbers, index, rows, columns, out_strides, in_strides,
                FN, ORDER, ALONG, COMPUTE, MODE, BLOCK_M, BLOCK_N, True,
            )  # fmt: skip
    else:
        _apply(
            out, ins, numbers, index, rows, columns, out_strides, in_strides,
            FN, ORDER, ALONG, COMPUTE, MODE, BLOCK_M, BLOCK_N, True,
        )  # fmt: skip


class Geometry(NamedTuple):
    """Merged dimensions of an elementwise op: extents, and strides per operand (the output first; 0:
    broadcast)."""

    shape: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]


class Walk(NamedTuple):
    """How a geometry is walked."""

    mode: int
    block_m: int
    block_n: int
    warps: int
    grid: int


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Geometry:
    """Reorder dimensions after the first operand's strides, drop those of extent 1, and merge neighbours.

    Args:
        shape: common extents.
        strides: per operand, in elements; 0 where it is broadcast.
    """
    order = sorted((d for d in range(len(shape)) if shape[d] != 1), key=lambda d: -abs(strides[0][d]))
    extents: list[int] = []
    merged: list[list[int]] = []
    for d in order:
        now = [s[d] for s in strides]
        if extents and all(before == s * shape[d] for before, s in zip(merged[-1], now, strict=True)):
            extents[-1] *= shape[d]
            merged[-1] = now
        else:
            extents.append(shape[d])
            merged.append(now)
    if not extents:
        extents, merged = [1], [[1] * len(strides)]
    return Geometry(tuple(extents), tuple(zip(*merged, strict=True)))


def choose_walk(geometry: Geometry, itemsize: int) -> tuple[Geometry, Walk]:
    """The walk for a geometry, and the geometry in the order the walk wants.

    Args:
        geometry: merged dimensions.
        itemsize: of the widest operand, in bytes.
    """
    shape, strides = geometry
    total = numel(shape)
    block = _flat_block(itemsize)
    if len(shape) == 1 and all(s[0] in (0, 1) for s in strides):
        return geometry, Walk(FLAT, 1, block, 4, -(-total // block))
    crossing = _transposed_dimension(geometry)
    if crossing is not None:
        geometry = _second_to_last(geometry, crossing)
        shape = geometry.shape
        walk = _tile(shape, min(64, _power(shape[-2])), min(64, _power(shape[-1])))
        if _used(walk, total) > 0.5:
            return geometry, walk
    elif len(shape) > 1 and shape[-1] >= 32:
        columns = min(block, _power(shape[-1]))
        walk = _tile(shape, max(1, min(block // columns, _power(shape[-2]))), columns)
        if _used(walk, total) > 0.7:
            return geometry, walk
    block = 1024
    return geometry, Walk(LINEAR, 1, block, 4, -(-total // block))


def _flat_block(itemsize: int) -> int:
    """Elements of a program of 128 threads: each thread's share is at least one access of 16 bytes."""
    return 1024 if itemsize >= 4 else 2048


def _power(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


def _tile(shape: tuple[int, ...], rows: int, columns: int) -> Walk:
    grid = -(-shape[-1] // columns) * -(-shape[-2] // rows)
    for extent in shape[:-2]:
        grid *= extent
    return Walk(TILE, rows, columns, 8 if rows * columns > 2048 else 4, grid)


def _used(walk: Walk, total: int) -> float:
    """Share of the tiles' elements that exist."""
    return total / (walk.grid * walk.block_m * walk.block_n)


def _transposed_dimension(geometry: Geometry) -> int | None:
    """The dimension, not the innermost, along which an input is contiguous, where both are worth tiles."""
    shape, strides = geometry
    last = len(shape) - 1
    for operand in strides[1:]:
        for d in range(last):
            if operand[d] == 1 and shape[d] >= 8 and shape[last] >= 8 and operand[last] != 0:
                return d
    return None


def _second_to_last(geometry: Geometry, d: int) -> Geometry:
    order = [k for k in range(len(geometry.shape) - 1) if k != d] + [d, len(geometry.shape) - 1]
    return Geometry(
        tuple(geometry.shape[k] for k in order), tuple(tuple(s[k] for k in order) for s in geometry.strides)
    )


def broadcast_strides(buffer: Buffer, shape: Sequence[int]) -> tuple[int, ...]:
    """Strides that read `buffer` as if it had `shape`."""
    missing = len(shape) - len(buffer.shape)
    own = tuple(
        0 if extent == 1 and wanted != 1 else stride
        for extent, stride, wanted in zip(buffer.shape, buffer.strides, shape[missing:], strict=True)
    )
    return (0,) * missing + own


def compute_type(name: str, compute: Any) -> Any:
    """The Triton type that an op on operands of type `compute` works in: float32 for the 16-bit ones."""
    found = COMPUTE.get(compute)
    if found is None:
        raise NotImplementedError(
            f"{name} has no GPU kernel for {compute.name}: add it to COMPUTE in kernels/_pointwise.py"
        )
    return found


def encode(value: float, floating: bool) -> int:
    """A Python number as the kernel takes it: bits of a float64, or an int."""
    if floating:
        return struct.unpack("q", struct.pack("d", value))[0]
    return int(value)


def _plan(function: Any, out: Buffer, args: tuple, compute: Any) -> Callable[..., None]:
    """One op at one combination of shapes, strides and types; called with out and all operands."""
    tensors = [k for k, a in enumerate(args) if isinstance(a, Buffer)]
    numbers = [k for k, a in enumerate(args) if not isinstance(a, Buffer)]
    if len(numbers) > SCALARS:
        raise NotImplementedError(f"an elementwise kernel takes up to {SCALARS} numbers")
    inputs = [args[k] for k in tensors]
    all_strides = [out.strides, *(broadcast_strides(b, out.shape) for b in inputs)]
    widest = max(b.dtype.itemsize for b in (out, *inputs))
    geometry, walk = choose_walk(collapse(out.shape, all_strides), widest)
    shape, strides = geometry
    count = numel(shape)
    order = [0] * len(args)
    for position, k in enumerate(tensors):
        order[k] = position
    for position, k in enumerate(numbers):
        order[k] = -1 - position
    scalars = [Slot(1 + len(tensors) + k) if k < len(numbers) else 0 for k in range(SCALARS)]
    launch = Plan(
        pointwise_kernel, (walk.grid,), Slot(0), tuple([Slot(1 + k) for k in range(len(tensors))]),
        shape, strides[0], strides[1:], count, *scalars,
        FN=function, ORDER=tuple(order), COMPUTE=compute, MODE=walk.mode,
        ALONG=tuple(sum((s != 0) << d for d, s in enumerate(row)) for row in strides[1:]),
        BLOCK_M=walk.block_m, BLOCK_N=walk.block_n, INT64=_reach(geometry, walk) >= 2**31,
        RAGGED=walk.mode == FLAT and count % 16 != 0, num_warps=walk.warps,
    )  # fmt: skip
    if not numbers:
        return launch
    floating = compute.is_floating()

    def with_numbers(out: Buffer, *args: Any) -> None:
        launch(out, *[args[k] for k in tensors], *[encode(args[k], floating) for k in numbers])

    return with_numbers


def _reach(geometry: Geometry, walk: Walk) -> int:
    """Upper bound of every index and offset the kernel computes, tails of blocks included."""
    reach = walk.grid * walk.block_m * walk.block_n
    for operand in geometry.strides:
        total = sum((extent + 1024) * abs(s) for extent, s in zip(geometry.shape, operand, strict=True))
        reach = max(reach, total)
    return reach


def pointwise(function: Any) -> Callable[..., None]:
    """An implementation `f(out, *operands, compute=dtype)` of a scalar `@triton.jit` function.

    The function is given the operands (Buffers or Python numbers) in order, all converted to the Triton type
    that stands for `compute` in `COMPUTE`.
    """
    plans: dict[tuple, Callable[..., None]] = {}
    name = function.__name__

    def implementation(out: Buffer, *args: Buffer | float, compute: DType) -> None:
        key = (
            compute, out.shape, out.strides, out.dtype,
            *[(a.shape, a.strides, a.dtype) if type(a) is Buffer else type(a) for a in args],
        )  # fmt: skip
        plan = plans.get(key)
        if plan is None:
            if 0 in out.shape:
                return
            if len(plans) >= LARGEST_CACHE:
                plans.clear()
            plan = plans[key] = _plan(function, out, args, compute_type(name, compute))
        plan(out, *args)

    implementation.__name__ = implementation.__qualname__ = name
    return implementation


def case(
    function: Any, kind: str = "fp32", walk: str = "flat", operands: int | None = None, numbers: int = 0,
    compute: Any = None, out: str = "", **promises: Any,
) -> Case:  # fmt: skip
    """A scalar function in the pointwise kernel, for the compile check.

    Args:
        function: the scalar function.
        kind: type of its tensor operands, in Triton's words.
        walk: 'flat', 'odd' (a size that is no multiple of 16), 'bias' (rows), 'transpose' or 'linear'.
        operands: how many it takes; by default all its parameters.
        numbers: how many of them, at the end, are Python numbers.
        compute: the Triton type it computes in; by default float32 or `kind`.
        out: type of the result; by default `kind`.
    """
    operands = len(function.arg_names) if operands is None else operands
    tensors = operands - numbers
    flat = walk in ("flat", "odd")
    size = "i32" if walk == "odd" else "i32:16"
    row = "(i32=1)" if flat else "(i32:16 i32=1)"
    side = {"bias": "(i32 i32=1)", "transpose": "(i32=1 i32:16)"}.get(walk, row)
    shape = f"({size})" if flat else "(i32:16 i32:16)"
    strides = " ".join([row] * (tensors - 1) + [side] * min(1, tensors))
    along = [1 if flat else 3] * tensors
    if walk == "bias":
        along[-1] = 2
    mode, block = (FLAT, _flat_block(_WIDTH[kind])) if flat else (LINEAR, 1024)
    rows = 1
    if walk in ("bias", "transpose"):
        mode, rows, block = (TILE, 4, 256) if walk == "bias" else (TILE, 64, 64)
    return Case(
        pointwise_kernel,
        f"*{out or kind} ({' '.join([f'*{kind}'] * tensors)}) {shape} {row} ({strides}) {size} i64 i64 i64 i64",
        {
            "FN": function, "ORDER": (*range(tensors), *(-1 - k for k in range(numbers))), "MODE": mode,
            "ALONG": tuple(along), "COMPUTE": compute or _COMPUTE_BY_NAME[kind], "BLOCK_M": rows,
            "BLOCK_N": block, "INT64": False, "RAGGED": walk == "odd",
        },
        label=f"{function.__name__},{kind},{walk}{',' + out if out else ''}",
        num_warps=8 if walk == "transpose" else 4, **promises,
    )  # fmt: skip


_COMPUTE_BY_NAME = {
    "fp32": tl.float32, "fp16": tl.float32, "bf16": tl.float32, "fp64": tl.float64, "i1": tl.int8, "u8": tl.uint8,
    "i8": tl.int8, "i16": tl.int16, "i32": tl.int32, "i64": tl.int64,
}  # fmt: skip
_WIDTH = {"fp64": 8, "i64": 8, "fp32": 4, "i32": 4, "fp16": 2, "bf16": 2, "i16": 2, "i1": 1, "u8": 1, "i8": 1}


def scalar_cases(
    module: Any, integers: Sequence[str] = (), spills: dict[str, int] | None = None
) -> list[Case]:
    """Every scalar function of a module on float32, or int32 for those named in `integers`.

    Args:
        spills: bytes of local memory to accept, by name.
    """
    accepted = spills or {}
    return [
        case(function, "i32" if name in integers else "fp32", spills=accepted.get(name, 0))
        for name, function in vars(module).items()
        if isinstance(function, triton.JITFunction)
    ]


def COMPILE() -> list[Case]:
    """Every walk, on the identity and on a sum, with the accesses they must compile to."""
    from tritonnn.kernels._math import identity
    from tritonnn.kernels.elementwise import mul

    wide, double = "ld.global.v4.b32", "ld.global.v2.b64"
    cases = [case(mul, "fp32", ptx=wide), case(mul, "bf16", ptx=wide), case(mul, "fp64", ptx=double)]
    cases += [case(mul, "fp32", walk, ptx=wide) for walk in ("odd", "bias", "transpose", "linear")]
    cases += [case(identity, kind, ptx=wide) for kind in ("u8", "i16", "i32")]
    cases += [case(identity, kind, "transpose", ptx=wide) for kind in ("i16", "i32")]
    cases += [
        case(identity, a, out=b, ptx=wide) for a, b in (("fp32", "bf16"), ("bf16", "fp32"), ("fp32", "i1"))
    ]
    cases += [case(identity, "i64", ptx=double), case(identity, "i64", out="fp16", ptx=double)]
    cases.append(case(identity, "fp32", "flat", operands=1, numbers=1))
    return cases
