"""Launching kernels: in Triton's interpreter on host memory, or on a GPU through a cache of compiled kernels.

Triton's own `kernel[grid](...)` spends about 7 µs in Python per launch. Here a kernel bound to its constants
keeps a dictionary from what specialises the binary (element types, 16-byte alignment of pointers, integers
that equal 1 or are multiples of 16, width of integers) to the compiled kernel, and calls that one's launcher
directly; only the first launch of a specialisation goes Triton's way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import triton
from triton import knobs
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.shape import contiguous_strides, numel

i64, fp64 = tl.constexpr("i64"), tl.constexpr("fp64")
"""Annotations of kernel parameters: a number arrives as this type whatever its value."""

INTERPRET: bool = bool(knobs.runtime.interpret)
"""Kernels run in Triton's interpreter (TRITON_INTERPRET=1): the simulated device."""

_bound: dict[tuple, Callable[..., None]] = {}


def launch(kernel: Any, grid: tuple[int, ...], *args: Any, **constants: Any) -> None:
    """Run `kernel` on the current stream.

    Args:
        kernel: a `@triton.jit` function whose `tl.constexpr` parameters come last.
        grid: number of programs in up to three dimensions; with a zero in it nothing runs.
        args: run-time arguments by position: Buffers, ints, floats, bools, None, or tuples of them.
        constants: `tl.constexpr` arguments and options (num_warps, num_stages, ...) by keyword.
    """
    key = (id(kernel), *constants.items())
    run = _bound.get(key)
    if run is None:
        run = _bound[key] = bind(kernel, **constants)
    run(grid, *args)


def bind(kernel: Any, **constants: Any) -> Callable[..., None]:
    """`kernel` with its constants fixed: call the result with `(grid, *args)`. Keep it on hot paths."""
    if INTERPRET:
        from tritonnn.kernels._interpreter import Interpreted

        return Interpreted(kernel, constants)
    return _Compiled(kernel, constants)


def empty(shape: tuple[int, ...], dtype: Any, like: Buffer) -> Buffer:
    """Workspace: a contiguous uninitialised Buffer on the device of `like`."""
    from tritonnn.cuda._runtime import runtime

    block = runtime().allocate(numel(shape) * dtype.itemsize, like.device.index)
    return Buffer(block.ptr, tuple(shape), contiguous_strides(shape), dtype, like.device, block)


def needs_int64(*buffers: Buffer | None) -> bool:
    """Whether an element of any of the buffers lies 2**31 or more elements from its first one."""
    return any(b is not None and extent(b) >= 2**31 for b in buffers)


def extent(buffer: Buffer) -> int:
    """One past the largest offset in elements that an index into `buffer` reaches (0 where it is empty)."""
    reach = 1
    for size, stride in zip(buffer.shape, buffer.strides, strict=True):
        if size == 0:
            return 0
        reach += (size - 1) * abs(stride)
    return reach


def architecture() -> str:
    """What configurations are looked up by: 'sm_80', 'sm_90', 'sm_100', ..., 'gfx942' or 'interpreter'."""
    if INTERPRET:
        return "interpreter"
    target = _driver().get_current_target()
    return f"sm_{target.arch}" if target.backend == "cuda" else str(target.arch).partition(":")[0]


_processors: dict[Any, int] = {}


def multiprocessors(like: Buffer) -> int:
    """Number of multiprocessors of the device of `like`: the size of a persistent grid."""
    found = _processors.get(like.device)
    if found is None:
        from tritonnn.cuda._runtime import runtime

        found = runtime().properties(like.device.index).multi_processor_count
        _processors[like.device] = found
    return found


class _Compiled:
    """A kernel with its constants, and the binaries compiled for the argument types seen so far."""

    __slots__ = ("constants", "kernel", "tail", "variants")

    def __init__(self, kernel: Any, constants: dict[str, Any]) -> None:
        self.kernel = kernel
        self.constants = {"enable_fp_fusion": True, **constants}
        self.tail: tuple = ()
        self.variants: dict[tuple, tuple] = {}

    def __call__(self, grid: tuple[int, ...], *args: Any) -> None:
        key: list[Any] = []
        flat: list[Any] = []
        device = _specialise(args, key, flat)
        gx, gy, gz = grid if len(grid) == 3 else (*grid, 1, 1)[:3]
        if gx == 0 or gy == 0 or gz == 0:
            return
        driver = _driver()
        if device is not None and driver.get_current_device() != device.index:
            previous = driver.get_current_device()
            driver.set_current_device(device.index)
            try:
                return self._run(driver, device.index, gx, gy, gz, key, flat, args)
            finally:
                driver.set_current_device(previous)
        self._run(driver, driver.get_current_device(), gx, gy, gz, key, flat, args)

    def _run(
        self, driver: Any, index: int, gx: int, gy: int, gz: int, key: list, flat: list, args: tuple
    ) -> None:
        key.append(index)
        found = self.variants.get(tuple(key))
        if found is None:
            compiled = self.kernel[(gx, gy, gz)](*args, **self.constants)
            self.variants[tuple(key)] = (compiled.run, compiled.function, compiled.packed_metadata)
            self.tail = self._tail(len(args))
            return
        run, function, metadata = found
        stream = driver.get_current_stream(index)
        run(gx, gy, gz, stream, function, metadata, None, None, None, *flat, *self.tail)

    def _tail(self, given: int) -> tuple:
        """The constants in the signature's order: launchers take them by position (and ignore them)."""
        constants = self.constants
        return tuple([constants.get(p.name, p.default) for p in self.kernel.params[given:]])


def _specialise(args: tuple, key: list[Any], flat: list[Any]) -> Any:
    """Append to `key` what of `args` chooses the binary, to `flat` what its launcher takes; the device."""
    device = None
    for a in args:
        kind = type(a)
        if kind is Buffer:
            ptr = a.ptr
            key.append(a.dtype)
            key.append(ptr & 15 == 0)
            flat.append(ptr)
            device = a.device
        elif kind is int:
            flat.append(a)
            if -0x80000000 <= a < 0x80000000:
                key.append(1 if a == 1 else 2 if a & 15 == 0 else 3)
            else:
                key.append(4 if a & 15 == 0 else 5)
        elif kind is tuple:
            inner: list[Any] = []
            key.append(len(a))
            device = _specialise(a, key, inner) or device
            flat.append(tuple(inner))
        elif kind is float or kind is bool or a is None:
            key.append(kind)
            flat.append(a)
        elif hasattr(a, "block_shape"):  # a host tensor descriptor: its launcher unpacks it
            key.append((a.base.dtype, tuple(a.block_shape), a.padding))
            flat.append(a)
            device = a.base.device
        else:
            raise TypeError(f"a kernel's argument must be a Buffer or a Python number, not {kind.__name__}")
    return device


_active: Any = None


def _driver() -> Any:
    """The Triton driver of the library's own runtime, installed on first use."""
    global _active
    if _active is None or triton.runtime.driver.active is not _active:
        from tritonnn.cuda._triton_driver import activate

        activate()
        _active = triton.runtime.driver.active
    return _active
