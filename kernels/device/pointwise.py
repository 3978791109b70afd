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
from collections.abc import Callable
from functools import partial
from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import (
    SHELLS,
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
    uint16,
    uint32,
    uint64,
)
from tritonnn.dtypes import dtype as DType
from tritonnn.kernels.device.float8 import BITS_ALONE, DECODED, instructions, to_float8
from tritonnn.kernels.launch.launch import LARGEST_CACHE, Plan, Slot, architecture, empty, i64
from tritonnn.kernels.tables.pointwise import FLAT, broadcast_strides, choose_walk, collapse, reach
from tritonnn.shape import numel

SCALARS = 4
_NARROW = {*DECODED}
_SHORT = {float16, bfloat16}

# 16-bit floats compute in float32 and are rounded once, by the store; bool is a byte in memory.
COMPUTE = {
    bool_: tl.int8, uint8: tl.uint8, int8: tl.int8, int16: tl.int16,
    uint16: tl.uint16, uint32: tl.uint32, uint64: tl.uint64,
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
        # PyTorch wraps around here; a direct conversion of the hardware would saturate
        return x.to(tl.int64).to(dtype)
    elif x.dtype.is_floating() and (dtype == tl.uint16 or dtype == tl.uint32):
        return x.to(tl.int64).to(dtype)
    elif x.dtype.is_floating() and dtype == tl.uint64:
        return tl.where(x < 0, x.to(tl.int64).to(dtype), x.to(dtype))
    elif dtype == tl.float8e4nv or dtype == tl.float8e5:
        return to_float8(x.to(tl.float32), dtype)
    elif dtype.is_floating() and dtype.primitive_bitwidth < 32:
        # integers and float64: the result is that of two roundings, as in PyTorch
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
    """Offset of an index: over the dimensions along which the operand moves."""
    offset = 0
    for d in tl.static_range(len(strides)):
        # ALONG is a constant: a product with a stride of 0 is not even compiled
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
        # innermost last, so that masks of rows and columns keep their shapes (M, 1) and (1, N)
        index = (i, j)
        for k in tl.static_range(2, rank):
            extent = shape[rank - 1 - k]
            index = (rest % extent,) + index  # type: ignore[assignment]
            rest = rest // extent
        return index, i < shape[rank - 2], j < shape[rank - 1]
    else:
        rest = pid * BLOCK_N + tl.arange(0, BLOCK_N)
        mask = rest < n
        index = ()  # type: ignore[assignment]
        for k in tl.static_range(rank - 1):
            extent = shape[rank - 1 - k]
            index = (rest % extent,) + index  # type: ignore[assignment]
            rest = rest // extent
        return (rest,) + index, mask, mask


@triton.jit
def _apply(
    out, ins, scalars, index, rows, columns, out_strides, in_strides,
    FN: tl.constexpr, ORDER: tl.constexpr, ALONG: tl.constexpr, COMPUTE: tl.constexpr, MODE: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """One block: load and convert the operands, FN, convert and store. Arguments as of `pointwise_kernel`."""
    operands = ()
    for k in tl.static_range(len(ORDER)):
        if ORDER[k] < 0:
            number = _scalar(scalars[-1 - ORDER[k]], COMPUTE)
            operands = operands + (_spread(number, BLOCK_M, BLOCK_N, MODE),)  # type: ignore[assignment]
        else:
            loaded = _load(
                ins[ORDER[k]], index, rows, columns, in_strides[ORDER[k]], ALONG[ORDER[k]], MODE, MASKED
            )
            # a single element is loaded once a program and spread in registers
            if ALONG[ORDER[k]] == 0:
                loaded = _spread(loaded, BLOCK_M, BLOCK_N, MODE)
            operands = operands + (convert(loaded, COMPUTE),)  # type: ignore[assignment]
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
        # a branch of the whole program, not of lanes: only the last block takes the other one
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


def compute_type(name: str, compute: Any) -> Any:
    """The Triton type that an op on operands of type `compute` works in: float32 for the 16-bit ones."""
    dtype = COMPUTE.get(compute)
    if dtype is None:
        raise NotImplementedError(
            f"{name} has no GPU kernel for {compute.name}: add it to COMPUTE in kernels/device/pointwise.py"
        )
    return dtype


def encode(value: float, floating: bool) -> int:
    """A Python number as the kernel takes it: bits of a float64, or an int."""
    return _bits(_pack(value))[0] if floating else int(value)


_pack, _bits = struct.Struct("d").pack, struct.Struct("q").unpack


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
    scalars = [Slot(1 + k) for k in numbers] + [0] * (SCALARS - len(numbers))
    launch = Plan(
        pointwise_kernel, (walk.grid,), Slot(0), tuple([Slot(1 + k) for k in tensors]),
        shape, strides[0], strides[1:], count, *scalars,
        FN=function, ORDER=tuple(order), COMPUTE=compute, MODE=walk.mode,
        ALONG=tuple(sum((s != 0) << d for d, s in enumerate(row)) for row in strides[1:]),
        BLOCK_M=walk.block_m, BLOCK_N=walk.block_n, INT64=reach(geometry, walk) >= 2**31,
        RAGGED=walk.mode == FLAT and count % 16 != 0, num_warps=walk.warps,
    )  # fmt: skip
    if not numbers:
        return launch
    floating = compute.is_floating()

    def with_numbers(*given: Any) -> None:
        values = list(given)
        for k in numbers:
            values[1 + k] = encode(given[1 + k], floating)
        launch(*values)

    return with_numbers


def _through_wider(run: Callable[..., None], result: DType, compute: DType) -> Callable[..., None]:
    """The op on float16, or float32, which holds every float8, where the hardware does not know that type."""
    from tritonnn.kernels.device.moving import copy

    def widened(out: Buffer, *args: Any) -> None:
        operands = list(args)
        for k, a in enumerate(args):
            if isinstance(a, Buffer) and a.dtype in _NARROW:
                operands[k] = empty(a.shape, DECODED[a.dtype], like=out)
                copy(operands[k], a)
        wide_out = empty(out.shape, DECODED[result], like=out) if result in _NARROW else out
        run(wide_out, *operands, compute=DECODED.get(compute, compute))
        if wide_out is not out:
            copy(out, wide_out)

    return widened


def _as_whole(run: Callable[..., None], *buffers: Any) -> None:
    """The op on bytes that stand for no numbers."""
    kind = next(b.dtype for b in buffers if isinstance(b, Buffer) and b.dtype in SHELLS)
    whole = uint16 if kind.itemsize == 2 else uint8
    seen = [
        Buffer(b.ptr, b.shape, b.strides, whole, b.device, b.owner)
        if isinstance(b, Buffer) and b.dtype in SHELLS
        else b
        for b in buffers
    ]
    run(*seen, compute=whole)


def _nothing(*_: Any) -> None:
    """The plan of a launch on no elements."""


def pointwise(
    function: Any, on_pairs: triton.JITFunction | None = None, short: triton.JITFunction | None = None
) -> Callable[..., None]:
    """An implementation `f(out, *operands, compute=dtype)` of a scalar `@triton.jit` function.

    The function is given the operands (Buffers or Python numbers) in order, all converted to the Triton type
    that stands for `compute` in `COMPUTE`.

    Args:
        function: for real numbers.
        on_pairs: for complex ones, as `device/complex_pointwise.py` has it; None where there is none.
        short: for results of 16 bits, as precise as those and cheaper; None where there is none.
    """
    plans: dict[tuple, Callable[..., None]] = {}
    name = function.__name__

    def planned(out: Buffer, *args: Buffer | float, compute: DType) -> Callable[..., None]:
        """What is called with `out` and `args`, or with others of the same geometries and types."""
        # all that a plan depends on: the memory itself comes with every call
        key = (
            compute, out.shape, out.strides, out.dtype,
            *[(a.shape, a.strides, a.dtype) if type(a) is Buffer else type(a) for a in args],
        )  # fmt: skip
        plan = plans.get(key)
        if plan is None:
            if 0 in out.shape:
                return _nothing
            if len(plans) >= LARGEST_CACHE:
                plans.clear()
            if compute.is_complex and on_pairs is not None:
                from tritonnn.kernels.device.complex_pointwise import complex_plan

                plan = plans[key] = complex_plan(on_pairs, out, args, compute)
                return plan
            if compute in SHELLS:  # which are moved and compared as whole numbers
                plan = plans[key] = partial(_as_whole, implementation)
                return plan
            kinds = {b.dtype for b in (out, *args) if isinstance(b, Buffer)}
            if kinds & BITS_ALONE or (kinds & _NARROW and not instructions(architecture())):
                plan = plans[key] = _through_wider(implementation, out.dtype, compute)
            else:
                type_ = compute_type(name, compute)
                cheaper = short is not None and out.dtype in _SHORT and type_ is tl.float32
                plan = plans[key] = _plan(short if cheaper else function, out, args, type_)
        return plan

    def implementation(out: Buffer, *args: Buffer | float, compute: DType) -> None:
        planned(out, *args, compute=compute)(out, *args)

    implementation.__name__ = implementation.__qualname__ = name
    # what wraps the implementation takes its attributes over, and is to be called itself
    planned.serves = implementation  # type: ignore[attr-defined]
    implementation.planned = planned  # type: ignore[attr-defined]
    return implementation
