"""Memory as a GPU shows it to the interpreter's kernels: bounds, alignment, and masked reads of no value.

A pointer's type says which argument it comes from, and the interpreter hands the type on with every step of
pointer arithmetic. So each access is held to the bytes of its own argument, even where the address happens to
be another argument's. Addresses that a kernel reads from memory must lie in a live block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from triton import language as tl
from triton.runtime import interpreter
from triton.runtime.interpreter import TensorHandle

from tritonnn.buffer import Buffer
from tritonnn.runtime.races import READ, UPDATE, WRITE
from tritonnn.runtime.simulated import simulated


class IllegalAccess(RuntimeError):
    """A kernel reads or writes what is not its argument's: on a GPU an illegal memory access, or silence."""


class Reach:
    """The bytes of one argument.

    Attributes:
        kernel, name, shape: what an error names.
        index: of the device.
        first, end: addresses of the first byte and of the one after the last.
        layout: None where these are the bytes of its elements and no others, else what tells its elements.
        kinds: what the kernel has done to it so far.
    """

    __slots__ = ("end", "first", "index", "kernel", "kinds", "layout", "name", "shape")

    def __init__(self, buffer: Buffer, kernel: str, name: str) -> None:
        self.kernel = kernel
        self.name = name
        self.shape = buffer.shape
        self.index = buffer.device.index
        size = buffer.dtype.itemsize
        if buffer.ptr % size and buffer.numel:
            raise IllegalAccess(
                f"CUDA error: misaligned address: {kernel} gets {name} at 0x{buffer.ptr:x}, which is no "
                f"multiple of the {size} bytes of an element"
            )
        # the lowest and the highest offset of an element: strides may be negative
        low = high = 0
        for extent, stride in zip(buffer.shape, buffer.strides, strict=True):
            low += min(0, (extent - 1) * stride)
            high += max(0, (extent - 1) * stride)
        self.first = buffer.ptr + low * size
        self.end = buffer.ptr + (high + 1) * size if buffer.numel else self.first
        # as many elements as there are places from the lowest to the highest: no gaps
        dense = buffer.numel == high - low + 1
        self.layout = None if dense else (buffer.ptr, buffer.shape, buffer.strides, size)
        self.kinds: set[str] = set()

    def uses(self) -> list[tuple[int, int, object, str, str]]:
        """What the kernel has done to it, as `SimulatedRuntime.use` takes it; a write stands for all."""
        kinds = [WRITE] if WRITE in self.kinds or len(self.kinds) > 1 else self.kinds
        return [(self.first, self.end, self.layout, kind, self.name) for kind in kinds]


class ArgumentPointer(tl.pointer_type):
    """The type of a pointer that comes from an argument, or from one of several by `tl.where`."""

    def __init__(self, plain: tl.pointer_type, reaches: tuple[Reach, ...]) -> None:
        super().__init__(plain.element_ty, plain.address_space, plain.const)
        self.reaches = reaches


def argument(pointer: Any, reach: Reach) -> Any:
    """The interpreter's pointer to an argument, bound to the argument's bytes."""
    bound = ArgumentPointer(pointer.dtype, (reach,))
    return tl.tensor(TensorHandle(pointer.handle.data, bound), bound)


# What a masked read leaves in a register is whatever was there: NaN, and integers that spoil indices and sums.
_GARBAGE = {
    tl.float16: np.nan, tl.float32: np.nan, tl.float64: np.nan, tl.bfloat16: 0x7FFF, tl.float8e4nv: 0x7F,
    tl.float8e5: 0x7F, tl.int1: True, tl.int8: 0x5A, tl.uint8: 0xA5, tl.int16: 0x5A5A, tl.uint16: 0xA5A5,
    tl.int32: 0x5A5A5A5A, tl.uint32: 0xA5A5A5A5, tl.int64: 0x5A5A5A5A5A5A5A5A, tl.uint64: 0xA5A5A5A5A5A5A5A5,
}  # fmt: skip


def _undefined(ptrs: TensorHandle, mask: TensorHandle) -> TensorHandle | None:
    """The value of a read without `other` where it is masked; None where it is nowhere."""
    if mask.data.all():
        return None
    kind = ptrs.get_element_ty()
    garbage = 0x5A5A5A5A5A5A5A5A if kind.is_ptr() else _GARBAGE.get(kind, 0)
    return TensorHandle(np.full(ptrs.data.shape, garbage, interpreter._get_np_dtype(kind)), kind)


def _size(kind: Any) -> int:
    element = kind.element_ty
    return 8 if element.is_ptr() else max(1, element.primitive_bitwidth // 8)


def _check(builder: Any, ptrs: TensorHandle, mask: TensorHandle, does: str) -> None:
    """Hold an access to its argument's bytes, whatever is masked apart.

    Raises:
        IllegalAccess: it leaves them.
    """
    kind, data = ptrs.dtype.scalar, ptrs.data
    size = _size(kind)
    reaches = getattr(kind, "reaches", ())
    if not reaches:
        return _check_against_live_blocks(builder, data[np.broadcast_to(mask.data, data.shape)], size, does)
    lowest, highest = int(data.min()), int(data.max()) + size
    for reach in reaches:
        if lowest >= reach.first and highest <= reach.end:  # most accesses: no look at the mask
            reach.kinds.add(does)
            return None
    bad = data[np.broadcast_to(mask.data, data.shape)]
    for reach in reaches:
        if bad.size and reach.end - reach.first >= size:
            # a pointer chosen among arguments by `tl.where` may point into any of them
            outside = (bad < reach.first) | (bad > reach.end - size)
            if not outside.all():
                reach.kinds.add(does)
            bad = bad[outside]
    if not bad.size:
        return None
    worst = int(bad[0])
    # the argument that the address is nearest to: most likely the one that was meant
    reach = min(reaches, key=lambda reach: max(reach.first - worst, worst + size - reach.end))
    where = (
        f"{reach.first - worst} bytes before its first one" if worst < reach.first
        else f"{worst + size - reach.end} bytes past its end"
    )  # fmt: skip
    raise IllegalAccess(
        f"CUDA error: an illegal memory access was encountered: {reach.kernel}, program {builder.grid_idx}, "
        f"{does} {bad.size} elements of {kind.element_ty} outside of the {reach.end - reach.first} bytes of "
        f"{reach.name} of shape {reach.shape}; the first is {where}"
    )


running = ""
"""The kernel that runs."""


def _check_against_live_blocks(builder: Any, data: np.ndarray, size: int, does: str) -> None:
    """Hold an access at addresses that were read from memory to what is allocated."""
    if not data.size:
        return
    firsts, ends = simulated().live.arrays()
    # the last block that starts at or before each address
    at = np.searchsorted(firsts, data, side="right") - 1
    inside = (at >= 0) & (data + np.uint64(size) <= ends[at]) if len(firsts) else np.zeros(data.shape, bool)
    wrong = data[~inside]
    if wrong.size:
        raise IllegalAccess(
            f"CUDA error: an illegal memory access was encountered: {running}, program {builder.grid_idx}, "
            f"{does} {wrong.size} elements at addresses that it read from memory and where no live block is; "
            f"the first is 0x{int(wrong[0]):x}"
        )
    if (data % np.uint64(size)).any():
        raise IllegalAccess(
            f"CUDA error: misaligned address: {running}, program {builder.grid_idx}, {does} elements of "
            f"{size} bytes at addresses that it read from memory and that are no multiples of it"
        )


def check_multiple(input: Any, values: Any) -> None:
    """Hold `tl.multiple_of(input, values)` to what it says, where a block begins.

    Raises:
        IllegalAccess: it is not so.
    """
    data = getattr(getattr(input, "handle", None), "data", None)
    if data is None:
        return
    for d, value in enumerate(values if isinstance(values, (list, tuple)) else [values]):
        value = int(getattr(value, "value", value))
        firsts = np.take(data, 0, axis=d) if data.ndim else data
        if (firsts % firsts.dtype.type(value)).any():
            raise IllegalAccess(
                f"CUDA error: misaligned address: {running} promises a multiple of {value}, which {firsts} "
                "is not"
            )


def check_accesses(builder: Any) -> None:
    """Let the interpreter's builder check what it reads and writes, and give no value to what is masked."""
    load, store = builder.create_masked_load, builder.create_masked_store
    rmw, cas = builder.create_atomic_rmw, builder.create_atomic_cas
    bitcast, select = builder.create_bitcast, builder.create_select

    def create_masked_load(self: Any, ptrs: Any, mask: Any, other: Any, *rest: Any, **named: Any) -> Any:
        mask = _handle(mask)
        _check(self, ptrs, mask, READ)
        # hardware leaves anything in a masked lane; an interpreter's zeros would hide what uses it
        if other is None and not self.zero_given:
            other = _undefined(ptrs, mask)
        return load(self, ptrs, mask, other, *rest, **named)

    def create_masked_store(self: Any, ptrs: Any, value: Any, mask: Any, *rest: Any, **named: Any) -> Any:
        mask = _handle(mask)
        _check(self, ptrs, mask, WRITE)
        return store(self, ptrs, value, mask, *rest, **named)

    def create_atomic_rmw(self: Any, op: Any, ptr: Any, val: Any, mask: Any, *rest: Any) -> Any:
        _check(self, ptr, mask, UPDATE)
        return rmw(self, op, ptr, val, mask, *rest)

    def create_atomic_cas(self: Any, ptr: Any, *rest: Any) -> Any:
        _check(self, ptr, TensorHandle(np.ones(ptr.data.shape, bool), tl.int1), UPDATE)
        return cas(self, ptr, *rest)

    def create_bitcast(self: Any, src: Any, dst_type: Any) -> Any:
        result = bitcast(self, src, dst_type)
        reaches = getattr(src.dtype.scalar, "reaches", None)
        if reaches and result.dtype.is_ptr():
            result.dtype = ArgumentPointer(result.dtype, reaches)
        return result

    def create_select(self: Any, cond: Any, a: Any, b: Any) -> Any:
        result = select(self, cond, a, b)
        first, second = [getattr(x.dtype.scalar, "reaches", ()) for x in (a, b)]
        if first != second:
            known = (*first, *[reach for reach in second if reach not in first]) if first and second else ()
            result.dtype = ArgumentPointer(result.dtype, known)
        return result

    builder.create_masked_load, builder.create_masked_store = create_masked_load, create_masked_store
    builder.create_atomic_rmw, builder.create_atomic_cas = create_atomic_rmw, create_atomic_cas
    builder.create_bitcast, builder.create_select = create_bitcast, create_select
    builder.zero_given = False


class Semantic(interpreter.TritonSemantic):
    """Tells the builder of an `other` that Triton takes for none: a single 0, which counts as false there."""

    def load(self, ptr: Any, mask: Any, other: Any, *rest: Any, **named: Any) -> Any:
        self.builder.zero_given = other is not None
        try:
            return super().load(ptr, mask, other, *rest, **named)
        finally:
            self.builder.zero_given = False


def _handle(mask: Any) -> TensorHandle:
    """A mask of a descriptor is an array in Triton 3.6."""
    return mask if isinstance(mask, TensorHandle) else TensorHandle(mask, tl.int1)
