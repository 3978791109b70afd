"""Compiled kernels by what specialises them, and the cheapest way to launch each."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType
from typing import Any

import triton

from tritonnn.buffer import Buffer
from tritonnn.kernels.launch.descriptors import Described, Launcher
from tritonnn.kernels.launch.refusals import refuse_complex
from tritonnn.runtime.interface import runtime


class Compiled:
    """A kernel with its constants, and the binaries compiled for the argument types seen so far."""

    __slots__ = ("_any", "_tails", "constants", "kernel", "variants")

    def __init__(self, kernel: Any, constants: dict[str, Any]) -> None:
        self.kernel = kernel
        # said explicitly, because Triton's default changes with its versions
        self.constants = {"enable_fp_fusion": True, **constants}
        self.variants: dict[tuple, Launcher] = {}
        self._any = unspecialised(kernel)
        self._tails: dict[int, list[Any]] = {}

    def __call__(self, grid: tuple[int, ...], *args: Any) -> Launcher | None:
        """Launch; returns what launches the same binary again, given (stream, grid, all arguments)."""
        key: list[Any] = []
        flat: list[Any] = []
        device = _specialise(args, key, flat, self._any)
        grid = (*grid, 1, 1)[:3]
        if 0 in grid:
            return None
        driver = active_driver()
        current = driver.get_current_device()
        if device is None or current == device.index:
            return self._launch(driver, current, grid, key, flat, args)
        driver.set_current_device(device.index)
        try:
            return self._launch(driver, device.index, grid, key, flat, args)
        finally:
            driver.set_current_device(current)

    def _launch(self, driver: Any, index: int, grid: tuple, key: list, flat: list, args: tuple) -> Launcher:
        key.append(index)
        launcher = self.variants.get(tuple(key))
        if launcher is None:
            refuse_complex(self.kernel, key)
            # a binary that only a capture needs, of a random kernel say, is loaded while it is under way
            with runtime().relaxed():
                compiled = self.kernel[grid](*args, **self.constants)
            launcher = self.variants[tuple(key)] = _launcher(compiled)
        else:
            launcher(driver.get_current_stream(index), grid, flat + self.tail(len(args)))
        return launcher

    def tail(self, given: int) -> list[Any]:
        """The constants in the signature's order: launchers take them by position (and ignore them)."""
        values = self._tails.get(given)
        if values is None:
            constants, parameters = self.constants, self.kernel.params[given:]
            values = self._tails[given] = [constants.get(p.name, p.default) for p in parameters]
        return values


def _launcher(compiled: Any) -> Launcher:
    """What launches a compiled kernel: its C function where nothing has to be done before, else its launcher."""
    run, function, metadata = compiled.run, compiled.function, compiled.packed_metadata
    call = _entry(run)
    if call is None:

        def launch_with_scratch(stream: int, grid: tuple, args: list) -> None:
            _provide_scratch()
            run(*grid, stream, function, metadata, None, None, None, *args)

        return launch_with_scratch
    launch = _caller(call, run, function, metadata)
    if call is run.launch:
        return launch
    return Described(launch, getattr(compiled.metadata, "tensordesc_meta", None))


def _caller(call: Any, run: Any, function: Any, metadata: Any) -> Launcher:
    """The C function with everything fixed but the stream, the grid and the arguments."""
    fixed: tuple[Any, ...] = (function, run.launch_cooperative_grid, run.launch_pdl)
    if hasattr(run, "arg_annotations"):  # Triton 3.7 and later: one C function for all kernels
        fixed += (metadata, None, None, None, None, None, run.arg_annotations, run.kernel_signature)

        def launch_by_signature(stream: int, grid: tuple, args: list) -> None:
            call(*grid, stream, *fixed, args)

        return launch_by_signature
    fixed += (None, None, metadata, None, None, None)

    def launch_own(stream: int, grid: tuple, args: list) -> None:  # Triton 3.6: one per signature
        call(*grid, stream, *fixed, *args)

    return launch_own


def _entry(run: Any) -> Any:
    """The C function of NVIDIA's launcher, where Python has nothing to do but to encode descriptors; else None."""
    if (
        type(run).__name__ != "CudaLauncher"
        or run.global_scratch_size
        or run.profile_scratch_size
        or getattr(run, "gsan_enabled", False)
    ):
        return None
    launch = getattr(run, "launch", None)
    if type(launch) is FunctionType:  # what encodes descriptors, around the C function
        inside = dict(zip(launch.__code__.co_freevars, launch.__closure__ or (), strict=True))
        launch = inside["launcher"].cell_contents if "launcher" in inside else None
    return launch if type(launch) is BuiltinFunctionType else None


def _provide_scratch() -> None:
    from tritonnn.runtime.triton_driver import provide_scratch

    provide_scratch()


def unspecialised(kernel: Any) -> frozenset[int]:
    """Positions of the parameters that are numbers of one type and whose values no binary depends on."""
    # the interpreter keeps what was said to it among others
    given = kernel.kwargs["do_not_specialize"] if hasattr(kernel, "kwargs") else kernel.do_not_specialize
    types = kernel.fn.__annotations__
    return frozenset(
        at
        for at, name in enumerate(kernel.arg_names)
        if types.get(name) == "fp64" or (types.get(name) == "i64" and name in (given or ()))
    )


def _specialise(args: tuple, key: list[Any], flat: list[Any], any_value: frozenset[int] = frozenset()) -> Any:
    """Append to `key` what of `args` chooses the binary, to `flat` what its launcher takes; the device.

    `any_value` are the positions of numbers that do not choose it.
    """
    device = None
    for at, a in enumerate(args):
        kind = type(a)
        if kind is Buffer:
            ptr = a.ptr
            key.append(a.dtype)
            # a binary for aligned pointers makes 16-byte accesses, which fault on others
            key.append(ptr & 15 == 0)
            flat.append(ptr)
            device = a.device
        elif kind is int:
            flat.append(a)
            if at in any_value:
                key.append(kind)
            elif -0x80000000 <= a < 0x80000000:
                # Triton's own classes: 1 becomes a constant, multiples of 16 widen accesses
                key.append(1 if a == 1 else 2 if a & 15 == 0 else 3)
            else:
                # beyond 32 bits the argument is an i64, beyond 63 a u64
                key.append((4 if a & 15 == 0 else 5) + (2 if a >= 1 << 63 else 0))
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


def active_driver() -> Any:
    """The Triton driver of the library's own runtime, installed on first use."""
    global _active
    if _active is None or triton.runtime.driver.active is not _active:
        from tritonnn.runtime.triton_driver import activate

        activate()
        _active = triton.runtime.driver.active
    return _active
