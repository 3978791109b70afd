"""The kernel behind elementwise ops of complex numbers.

Triton has no complex type. A complex operand is read as pairs of real numbers, which lie beside each other: an element
is one access of two numbers. The scalar function takes two real numbers per operand, a real operand with an imaginary
part of 0, and returns the two of a complex result or the one of a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import dtype as DType
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import complex_parts
from tritonnn.kernels.device.pointwise import (
    COMPUTE,
    SCALARS,
    _index,
    _offset,
    _scalar,
    convert,
    encode,
    pointwise,
)
from tritonnn.kernels.launch.launch import Plan, Slot, i64
from tritonnn.kernels.tables.pointwise import broadcast_strides, collapse
from tritonnn.shape import numel

# Elements of a program of 128 threads: functions of float64 need many registers for each.
BLOCK = 512
FURTHEST = 2**31  # numbers from the first to the last that 32 bits reach
NOTHING: tl.constexpr = tl.constexpr(-1 - SCALARS)  # in ORDER: a part that is 0


@triton.jit
def _beside(x):
    """Pointers, or a mask, of elements as those of their two parts."""
    return tl.expand_dims(x, len(x.shape))


@triton.jit
def _pair(pointer, index, mask, strides, ALONG: tl.constexpr, COMPLEX: tl.constexpr, BLOCK: tl.constexpr):
    """The two parts of an operand's elements; a single element is loaded once and spread."""
    # distances are in elements, of which a complex one is two numbers
    place = pointer + _offset(index, strides, ALONG) * (2 if COMPLEX else 1)
    if ALONG == 0:
        first = tl.broadcast_to(tl.load(place), BLOCK)
        if COMPLEX:
            return first, tl.broadcast_to(tl.load(place + 1), BLOCK)
        else:
            return first, tl.zeros_like(first)
    elif COMPLEX:
        both = tl.load(_beside(place) + tl.arange(0, 2), mask=_beside(mask))
        return tl.split(both)
    else:
        first = tl.load(place, mask=mask)
        return first, tl.zeros_like(first)


@triton.jit
def _number(place: tl.constexpr, numbers, COMPUTE: tl.constexpr, BLOCK: tl.constexpr):
    """A part that is a number: 0, or one of those given."""
    if place == NOTHING:
        return tl.zeros((BLOCK,), COMPUTE)
    else:
        return tl.broadcast_to(_scalar(numbers[-1 - place], COMPUTE), BLOCK)


@triton.jit(do_not_specialize=["s0", "s1", "s2", "s3"])
def complex_kernel(
    out, ins, shape, out_strides, in_strides, n, s0: i64, s1: i64, s2: i64, s3: i64,
    FN: tl.constexpr, ORDER: tl.constexpr, ALONG: tl.constexpr, COMPLEX: tl.constexpr, RESULT: tl.constexpr,
    COMPUTE: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] = FN(parts of operands[i]...) over all indices.

    Args:
        out: pointer to the first real number of the output.
        ins: pointers to the first real numbers of the tensor operands.
        shape: extents of the merged dimensions, the output's innermost last.
        out_strides: the output's strides, in elements, one per dimension.
        in_strides: one such tuple per tensor operand.
        n: number of elements.
        s0: bits of the first part of a Python number among the operands; s1, s2, s3: of the next ones.
        FN: the scalar function.
        ORDER: what the two parts of each operand of FN are: k >= 0, twice, is `ins[k]`; -1 - k is scalar k, and
            NOTHING is 0.
        ALONG: per tensor operand, bit d is set where its stride along dimension d is not 0.
        COMPLEX: per tensor operand, whether it is complex.
        RESULT: whether the result is complex.
        COMPUTE: the real type FN computes in.
    """
    index, mask, _ = _index(shape, n, 1, BLOCK, 0, INT64)
    numbers = (s0, s1, s2, s3)
    operands = ()
    for k in tl.static_range(len(ORDER) // 2):
        if ORDER[2 * k] < 0:
            first = _number(ORDER[2 * k], numbers, COMPUTE, BLOCK)
            second = _number(ORDER[2 * k + 1], numbers, COMPUTE, BLOCK)
            operands = operands + (first, second)  # type: ignore[assignment]
        else:
            first, second = _pair(
                ins[ORDER[2 * k]], index, mask, in_strides[ORDER[2 * k]], ALONG[ORDER[2 * k]],
                COMPLEX[ORDER[2 * k]], BLOCK,
            )  # fmt: skip
            operands = operands + (convert(first, COMPUTE), convert(second, COMPUTE))  # type: ignore[assignment]
    EVERY: tl.constexpr = (1 << len(out_strides)) - 1
    target = out + _offset(index, out_strides, EVERY) * (2 if RESULT else 1)
    if RESULT:
        re, im = FN(*operands)
        kind = out.dtype.element_ty
        both = tl.join(convert(re, kind), convert(im, kind))
        tl.store(_beside(target) + tl.arange(0, 2), both, mask=_beside(mask))
    else:
        tl.store(target, convert(FN(*operands), out.dtype.element_ty), mask=mask)


def complex_plan(
    function: triton.JITFunction, out: Buffer, args: tuple, compute: DType
) -> Callable[..., None]:
    """One op at one combination of shapes, strides and types; called with out and all operands.

    Args:
        function: the scalar function of pairs.
        out: where the results go.
        args: Buffers and Python numbers.
        compute: the complex dtype to compute in.
    """
    inputs = [a for a in args if isinstance(a, Buffer)]
    order: list[int] = []
    pick: list[tuple[int, bool]] = []  # (which operand, whether its imaginary part) of each number
    for k, a in enumerate(args):
        if isinstance(a, Buffer):
            order += [sum(isinstance(b, Buffer) for b in args[:k])] * 2
            continue
        pick.append((k, False))
        order += [-len(pick), NOTHING.value]
        if isinstance(a, complex):
            pick.append((k, True))
            order[-1] = -len(pick)
    if len(pick) > SCALARS:
        raise NotImplementedError(f"an elementwise kernel takes up to {SCALARS} numbers")
    all_strides = [out.strides, *(broadcast_strides(b, out.shape) for b in inputs)]
    shape, strides = collapse(out.shape, all_strides)
    count = numel(shape)
    furthest = [sum((n + BLOCK) * abs(s) for n, s in zip(shape, row, strict=True)) for row in strides]
    scalars = [Slot(1 + len(inputs) + k) for k in range(len(pick))] + [0] * (SCALARS - len(pick))
    launch = Plan(
        complex_kernel, (-(-count // BLOCK),), Slot(0), tuple([Slot(1 + k) for k in range(len(inputs))]),
        shape, strides[0], strides[1:], count, *scalars,
        FN=function, ORDER=tuple(order), COMPUTE=COMPUTE[compute.to_real()], BLOCK=BLOCK,
        ALONG=tuple([sum((s != 0) << d for d, s in enumerate(row)) for row in strides[1:]]),
        COMPLEX=tuple([b.dtype.is_complex for b in inputs]), RESULT=out.dtype.is_complex,
        INT64=2 * max(count + BLOCK, *furthest) >= FURTHEST, num_warps=4,
    )  # fmt: skip

    def run(*given: Any) -> None:
        buffers = [complex_parts(b) if b.dtype.is_complex else b for b in given if isinstance(b, Buffer)]
        numbers = [given[1 + k].imag if imaginary else given[1 + k].real for k, imaginary in pick]
        launch(*buffers, *[encode(float(number), True) for number in numbers])

    return run


def complex_pointwise(function: triton.JITFunction) -> Callable[..., None]:
    """An implementation `f(out, *operands, compute=dtype)` of a scalar function of pairs alone."""
    return pointwise(function, function)


def complex_case(function: triton.JITFunction, kind: str, result: bool, spills: int = 0) -> Case:
    """A scalar function of pairs in the kernel, for the compile check.

    Args:
        function: the scalar function.
        kind: type of the parts, in Triton's words.
        result: whether its result is complex.
        spills: bytes of local memory to accept.
    """
    operands = len(function.arg_names) // 2
    tensors = " ".join([f"*{kind}"] * operands)
    rows = " ".join(["(i32=1)"] * operands)
    return Case(
        complex_kernel, f"*{kind} ({tensors}) (i32:16) (i32=1) ({rows}) i32:16 i64 i64 i64 i64",
        {
            "FN": function, "ORDER": tuple([k for k in range(operands) for _ in (0, 1)]), "RESULT": result,
            "ALONG": (1,) * operands, "COMPLEX": (True,) * operands, "BLOCK": BLOCK, "INT64": False,
            "COMPUTE": tl.float64 if kind == "fp64" else tl.float32,
        },
        label=f"{function.__name__},{kind}", spills=spills,
        # an access is one element: 16 bytes of complex128
        wide="" if kind == "fp32" else "both" if result else "loads",
    )  # fmt: skip
