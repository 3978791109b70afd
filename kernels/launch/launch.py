"""Launching kernels: in Triton's interpreter on host memory, or on a GPU through a cache of compiled kernels.

Triton's own `kernel[grid](...)` spends about 7 µs in Python per launch. Here a kernel bound to its constants
(`Compiled`) keeps a dictionary from what specialises the binary (element types, 16-byte alignment of
pointers, integers that equal 1 or are multiples of 16, width of integers) to the compiled kernel, and calls
that one's launcher directly; only the first launch of a specialisation goes Triton's way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from triton import knobs
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.launch.compiled import Compiled, active_driver, unspecialised
from tritonnn.kernels.launch.descriptors import Described, Launcher, Tiles
from tritonnn.kernels.launch.replay import Unrepeatable, forget_notes
from tritonnn.kernels.launch.replay import thread as _noting
from tritonnn.shape import contiguous_strides, numel

if TYPE_CHECKING:
    i64 = Any
    fp64 = Any
else:
    i64, fp64 = tl.constexpr("i64"), tl.constexpr("fp64")
"""Annotations of kernel parameters: a number arrives as this type whatever its value."""

INTERPRET: bool = bool(knobs.runtime.interpret)
"""Kernels run in Triton's interpreter (TRITON_INTERPRET=1): the simulated device."""

_bound: dict[tuple, Callable[..., Launcher | None]] = {}


def launch(kernel: Any, grid: tuple[int, ...], *args: Any, **constants: Any) -> None:
    """Run `kernel` on the current stream.

    Args:
        kernel: a `@triton.jit` function whose `tl.constexpr` parameters come last.
        grid: number of programs in up to three dimensions; with a zero in it nothing runs.
        args: run-time arguments by position: Buffers, ints, floats, bools, None, tuples of them, and Triton's
            TensorDescriptors over Buffers.
        constants: `tl.constexpr` arguments and options (num_warps, num_stages, ...) by keyword.
    """
    if _noting.notes is not None:
        return _note(kernel, grid, args, constants)
    # kernels live as long as the module, so an id stands for one of them; hashing a JITFunction is slower
    key = (id(kernel), *constants.items())
    run = _bound.get(key)
    if run is None:
        run = _bound[key] = bind(kernel, **constants)
    run(grid, *args)


def _note(kernel: Any, grid: tuple[int, ...], args: tuple, constants: dict[str, Any]) -> None:
    """The launch as a plan, for the notes being taken."""
    given: list[Buffer] = []
    Plan(kernel, grid, *_slotted(args, given), **constants)(*given)


def _slotted(args: Any, given: list[Buffer]) -> tuple:
    """The arguments with a Slot in place of every Buffer, which is appended to `given`."""
    slots: list[Any] = []
    for a in args:
        if type(a) is Buffer:
            slots.append(Slot(len(given)))
            given.append(a)
        elif type(a) is tuple:
            slots.append(_slotted(a, given))
        elif hasattr(a, "block_shape"):
            # a descriptor holds an address, which the next call does not have: that one encodes its own
            if type(a.base) is not Buffer or a.padding != "zero":
                raise Unrepeatable
            slots.append(
                Tiles(len(given), a.base.dtype, tuple(a.shape), tuple(a.strides), tuple(a.block_shape))
            )
            given.append(a.base)
        else:
            slots.append(a)
    return tuple(slots)


def bind(kernel: Any, **constants: Any) -> Callable[..., Launcher | None]:
    """`kernel` with its constants fixed: call the result with `(grid, *args)`. Keep it on hot paths."""
    if INTERPRET:
        from tritonnn.kernels.launch.interpreter import Interpreted

        return Interpreted(kernel, constants)
    return Compiled(kernel, constants)


def empty(shape: tuple[int, ...], dtype: Any, like: Buffer) -> Buffer:
    """Workspace: a contiguous uninitialised Buffer on the device of `like`."""
    if _noting.notes is not None:
        return _noting.notes.workspace(shape, dtype, like)
    block = (_runtime or _first_runtime()).allocate(numel(shape) * dtype.itemsize, like.device.index)
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
    target = active_driver().get_current_target()
    return f"sm_{target.arch}" if target.backend == "cuda" else str(target.arch).partition(":")[0]


def threads_of_a_warp() -> int:
    """64 on AMD's devices for computing, else 32."""
    return 64 if architecture().startswith("gfx") else 32


_processors: dict[Any, int] = {}


def multiprocessors(like: Buffer) -> int:
    """Number of multiprocessors of the device of `like`: the size of a persistent grid."""
    count = _processors.get(like.device)
    if count is None:
        from tritonnn.runtime.interface import runtime

        count = runtime().properties(like.device.index).multi_processor_count
        _processors[like.device] = count
    return count


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
            tuple, `Tiles` for a descriptor over it. Slots of numbers must belong to parameters of one type
            that are not specialised (`fp64`, or `i64` with `do_not_specialize`).
        constants: `tl.constexpr` arguments and options.
    """

    __slots__ = ("_args", "_filling", "_grid", "_run", "_variants")

    def __init__(self, kernel: Any, grid: tuple[int, ...], *args: Any, **constants: Any) -> None:
        self._run = bind(kernel, **constants)
        self._grid = (*grid, 1, 1)[:3]
        self._args = list(args)
        self._filling = [(at, _picker(a)) for at, a in enumerate(args) if _has_slots(a)]
        self._variants: dict[tuple[int, int], tuple[Launcher, list[Any], list]] = {}

    def __call__(self, *given: Any) -> None:
        """Launch on Buffers (and numbers, where slots stand for numbers)."""
        if _noting.notes is not None:
            return _noting.notes.launch(self, given)
        if INTERPRET:
            return self._first(given, None)
        values: list[Any] = []
        # a leading 1, so that the numbers of buffers tell apart as well
        aligned = 1
        for g in given:
            if type(g) is Buffer:
                ptr = g.ptr
                aligned = aligned << 1 | (not ptr & 15)
                values.append(ptr)
            else:
                values.append(g)
        index = given[0].device.index
        if not self.launch_at(tuple(values), aligned, index):
            self._first(given, (aligned, index))

    def launch_at(self, values: tuple[Any, ...], aligned: int, index: int) -> bool:
        """Launch on addresses, where the binary for their alignment is known; whether it is.

        Args:
            values: addresses of the Buffers, and numbers.
            aligned: 1, then a bit for each Buffer: whether it starts at a multiple of 16 bytes.
            index: the device.
        """
        variant = self._variants.get((aligned, index))
        # a first launch on a thread has to bind its context and select the device
        stream = (_runtime or _first_runtime()).thread.ready.get(index)
        if variant is None or stream is None:
            return False
        launcher, args, filling = variant
        # the fixed arguments stay as they are for the next call, which may be another thread's
        args = args.copy()
        for at, pick in filling:
            args[at] = pick(values)
        launcher(stream, self._grid, args)
        return True

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of programs along each axis."""
        return self._grid

    def variants(self) -> list[tuple[Launcher, list[Any], list]]:
        """Of every binary so far: its launcher, the arguments, and what of them a call fills in."""
        return list(self._variants.values())

    def _first(self, given: tuple, key: tuple[int, int] | None) -> None:
        """By way of the general launch, which compiles where that is needed and selects the device."""
        if 0 in self._grid:
            return
        self._check_numbers(given)
        args = self._args.copy()
        for at, pick in self._filling:
            args[at] = pick(given)
        launcher = self._run(self._grid, *args)
        if key is not None:  # there is a key where kernels are compiled
            assert isinstance(self._run, Compiled) and launcher is not None
            args = [*self._args, *self._run.tail(len(args))]
            variant = (launcher, args, self._filling)
            self._variants[key] = launcher.opened(*variant[1:]) if type(launcher) is Described else variant

    def _check_numbers(self, given: tuple) -> None:
        """A binary found for one number must be right for all: calls do not look at them again."""
        kernel = self._run.kernel  # type: ignore[attr-defined]
        varying = {at for at, _ in self._filling if _takes_number(self._args[at], given)}
        for at in varying - unspecialised(kernel):
            raise TypeError(
                f"{kernel.__name__}: {kernel.arg_names[at]} is given by a slot of a plan, so its binary must not "
                "depend on it: annotate it with fp64, or with i64 and name it in do_not_specialize"
            )


def _takes_number(a: Any, given: tuple) -> bool:
    if type(a) is Slot:
        return type(given[a.index]) in (int, float, bool)
    return type(a) is tuple and any(_takes_number(item, given) for item in a)


def _has_slots(a: Any) -> bool:
    return type(a) in (Slot, Tiles) or (type(a) is tuple and any(_has_slots(item) for item in a))


def _picker(a: Any) -> Callable[[Any], Any]:
    """What takes the values of a Slot, or of those in a tuple, out of a call's values."""
    if type(a) is Slot:
        return itemgetter(a.index)
    if type(a) is Tiles:
        return a.pick
    if all(type(item) is Slot for item in a):
        first, last = a[0].index, a[-1].index
        if [slot.index for slot in a] == list(range(first, last + 1)):
            return itemgetter(slice(first, last + 1))  # a tuple of one as well
        return itemgetter(*[slot.index for slot in a])
    items = [_picker(item) if _has_slots(item) else _constant(item) for item in a]
    return lambda values: tuple([pick(values) for pick in items])


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda values: value


def planned(
    make: Callable[..., Callable[..., None]] | None = None, *, numbers: int = 0
) -> Callable[..., Any]:
    """An implementation that keeps what it found out for each combination of geometries and parameters.

    `make` is called with all arguments and returns what is then called with the Buffers among them, now and
    whenever all else is the same again. Other arguments must be hashable.

    Args:
        make: the implementation.
        numbers: so many arguments, the last ones, differ from call to call: what `make` returned is called
            with them after the Buffers.
    """
    if make is None:
        return partial(planned, numbers=numbers)
    plans: dict[tuple, Callable[..., None]] = {}

    @wraps(make)
    def run(*args: Any) -> None:
        parts: list[Any] = []
        given: list[Any] = []
        for a in args[: len(args) - numbers]:
            if type(a) is Buffer:
                parts += (a.shape, a.strides, a.dtype)
                given.append(a)
            else:
                parts.append(a)
        # plans hold configurations chosen for a device
        parts.append(given[0].device)
        key = tuple(parts)
        plan = plans.get(key)
        if plan is None:
            if len(plans) >= LARGEST_CACHE:
                plans.clear()
            plan = plans[key] = make(*args)
        if numbers:
            given += args[-numbers:]
        plan(*given)

    _all_plans.append(plans)
    return run


LARGEST_CACHE = 4096  # shapes that never come back must not fill memory
_all_plans: list[dict] = []


def forget_plans() -> None:
    """Drop every kept plan: configurations have changed."""
    for plans in _all_plans:
        plans.clear()
    forget_notes()


_runtime: Any = None


def _first_runtime() -> Any:
    """The device runtime; starting it is left to the first launch."""
    global _runtime
    from tritonnn.runtime.interface import runtime

    _runtime = runtime()
    return _runtime
