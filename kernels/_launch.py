"""Launching kernels: in Triton's interpreter on host memory, or on a GPU through a cache of compiled kernels.

Triton's own `kernel[grid](...)` spends about 7 µs in Python per launch. Here a kernel bound to its constants
keeps a dictionary from what specialises the binary (element types, 16-byte alignment of pointers, integers
that equal 1 or are multiples of 16, width of integers) to the compiled kernel, and calls that one's launcher
directly; only the first launch of a specialisation goes Triton's way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
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


class Slot:
    """Stands for the argument of that number in a `Plan`."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


class Plan:
    """A launch with everything fixed but the memory it works on: what an op keeps per combination of shapes.

    A call then costs one lookup, by the alignment of the pointers, and the launcher itself. The types and
    geometries of the Buffers are part of what is fixed: whoever keeps a plan looks it up by them.

    Args:
        kernel: a `@triton.jit` function whose `tl.constexpr` parameters come last.
        grid: number of programs.
        args: run-time arguments by position; `Slot(k)` stands for the k-th argument of a call, also inside a
            tuple. Slots of numbers must belong to parameters that are not specialised (`do_not_specialize`).
        constants: `tl.constexpr` arguments and options.
    """

    __slots__ = ("_args", "_grid", "_groups", "_run", "_slots", "_variants")

    def __init__(self, kernel: Any, grid: tuple[int, ...], *args: Any, **constants: Any) -> None:
        self._run = bind(kernel, **constants)
        self._grid = (*grid, 1, 1)[:3]
        self._args = list(args)
        self._slots = [(at, a.index) for at, a in enumerate(args) if type(a) is Slot]
        self._groups = [
            (at, [slot.index for slot in a])
            for at, a in enumerate(args)
            if type(a) is tuple and a and type(a[0]) is Slot
        ]
        self._variants: dict[tuple, Any] = {}

    def __call__(self, *given: Any) -> None:
        """Launch on Buffers (and numbers, where slots stand for numbers)."""
        grid = self._grid
        if 0 in grid:
            return
        if INTERPRET:
            return self._run(grid, *self._filled(given))
        pointers = [g.ptr if type(g) is Buffer else g for g in given]
        aligned = 0
        device = None
        for g in given:
            if type(g) is Buffer:
                aligned = aligned << 1 | (not g.ptr & 15)
                device = g.device
        driver = _driver()
        found = self._variants.get((aligned, device))
        if found is None or driver.get_current_device() != device.index:  # type: ignore[union-attr]
            return self._first(grid, given, (aligned, device))
        args = self._args.copy()
        for at, which in self._slots:
            args[at] = pointers[which]
        for at, several in self._groups:
            args[at] = tuple([pointers[which] for which in several])
        found(driver.get_current_stream(device.index), args, grid)  # type: ignore[union-attr]

    def _filled(self, given: tuple) -> list[Any]:
        args = self._args.copy()
        for at, which in self._slots:
            args[at] = given[which]
        for at, several in self._groups:
            args[at] = tuple([given[which] for which in several])
        return args

    def _first(self, grid: tuple, given: tuple, key: tuple) -> None:
        """By way of the general launch, which compiles where that is needed and selects the device."""
        self._variants[key] = self._run(grid, *self._filled(given))  # type: ignore[func-returns-value]


def planned(make: Callable[..., Callable[..., None]]) -> Callable[..., None]:
    """An implementation that keeps what it found out for each combination of geometries and parameters.

    `make` is called with all arguments and returns what is then called with the Buffers among them, now and
    whenever all else is the same again. Other arguments must be hashable.
    """
    plans: dict[tuple, Callable[..., None]] = {}

    @wraps(make)
    def run(*args: Any) -> None:
        key = tuple([(a.shape, a.strides, a.dtype, a.device) if type(a) is Buffer else a for a in args])
        plan = plans.get(key)
        if plan is None:
            if len(plans) >= LARGEST_CACHE:
                plans.clear()
            plan = plans[key] = make(*args)
        plan(*[a for a in args if type(a) is Buffer])

    _all_plans.append(plans)
    return run


LARGEST_CACHE = 4096  # shapes that never come back must not fill memory
_all_plans: list[dict] = []


def forget_plans() -> None:
    """Drop every kept plan: configurations have changed."""
    for plans in _all_plans:
        plans.clear()


class _Compiled:
    """A kernel with its constants, and the binaries compiled for the argument types seen so far."""

    __slots__ = ("constants", "kernel", "variants")

    def __init__(self, kernel: Any, constants: dict[str, Any]) -> None:
        self.kernel = kernel
        self.constants = {"enable_fp_fusion": True, **constants}
        self.variants: dict[tuple, Callable[..., None]] = {}

    def __call__(self, grid: tuple[int, ...], *args: Any) -> Callable[..., None] | None:
        """Launch; returns what launches the same binary again, given (stream, flat arguments, grid)."""
        key: list[Any] = []
        flat: list[Any] = []
        device = _specialise(args, key, flat)
        grid = (*grid, 1, 1)[:3]
        if 0 in grid:
            return None
        driver = _driver()
        current = driver.get_current_device()
        if device is None or current == device.index:
            return self._run(driver, current, grid, key, flat, args)
        driver.set_current_device(device.index)
        try:
            return self._run(driver, device.index, grid, key, flat, args)
        finally:
            driver.set_current_device(current)

    def _run(
        self, driver: Any, index: int, grid: tuple, key: list, flat: list, args: tuple
    ) -> Callable[..., None]:
        key.append(index)
        found = self.variants.get(tuple(key))
        if found is None:
            compiled = self.kernel[grid](*args, **self.constants)
            found = self.variants[tuple(key)] = _launcher(compiled, self._tail(len(args)))
        else:
            found(driver.get_current_stream(index), flat, grid)
        return found

    def _tail(self, given: int) -> tuple:
        """The constants in the signature's order: launchers take them by position (and ignore them)."""
        constants = self.constants
        return tuple([constants.get(p.name, p.default) for p in self.kernel.params[given:]])


def _launcher(compiled: Any, tail: tuple) -> Callable[..., None]:
    """What launches a compiled kernel: its C function where nothing has to be done before, else its launcher."""
    run, function, metadata = compiled.run, compiled.function, compiled.packed_metadata
    if not _plain(run):

        def launch_with_scratch(stream: int, args: list, grid: tuple) -> None:
            _provide_scratch()
            run(*grid, stream, function, metadata, None, None, None, *args, *tail)

        return launch_with_scratch
    call, cooperative, dependent = run.launch, run.launch_cooperative_grid, run.launch_pdl
    if hasattr(run, "arg_annotations"):  # Triton 3.7 and later: one C function for all kernels
        rest = (None, None, None, None, None, run.arg_annotations, run.kernel_signature)

        def launch_by_signature(stream: int, args: list, grid: tuple) -> None:
            call(*grid, stream, function, cooperative, dependent, metadata, *rest, (*args, *tail))

        return launch_by_signature

    def launch_own(stream: int, args: list, grid: tuple) -> None:  # Triton 3.6: one per signature
        call(
            *grid,
            stream,
            function,
            cooperative,
            dependent,
            None,
            None,
            metadata,
            None,
            None,
            None,
            *args,
            *tail,
        )

    return launch_own


def _plain(run: Any) -> bool:
    """Whether a launcher is NVIDIA's with nothing to do in Python: no scratch memory, no descriptors, no hooks."""
    return (
        type(run).__name__ == "CudaLauncher"
        and type(getattr(run, "launch", None)).__name__ == "builtin_function_or_method"
        and run.global_scratch_size == 0
        and run.profile_scratch_size == 0
        and not getattr(run, "gsan_enabled", False)
    )


def _provide_scratch() -> None:
    from tritonnn.cuda._triton_driver import provide_scratch

    provide_scratch()


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
