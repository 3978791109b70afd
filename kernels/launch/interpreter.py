"""Running kernels in Triton's interpreter: the simulated device, whose memory is host memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from inspect import getmembers
from typing import Any

import numpy as np
from triton import language as tl
from triton.runtime import interpreter
from triton.runtime.errors import InterpreterError
from triton.runtime.interpreter import TensorHandle
from triton.tools.tensor_descriptor import TensorDescriptor

from tritonnn.buffer import Buffer
from tritonnn.kernels.launch import interpreter_memory as memory
from tritonnn.kernels.launch.descriptors import Address
from tritonnn.kernels.launch.interpreter_memory import IllegalAccess, Reach, Semantic, check_accesses
from tritonnn.kernels.launch.interpreter_numbers import convert_as_hardware, reduce_as_hardware
from tritonnn.kernels.launch.refusals import refuse_complex
from tritonnn.runtime.simulated import simulated


class Interpreted:
    """A kernel with its constants, run by Triton's interpreter on host memory, one program after another."""

    __slots__ = ("constants", "kernel", "widths")
    _one_at_a_time = threading.RLock()  # the interpreter keeps the program index in a global

    def __init__(self, kernel: Any, constants: dict[str, Any]) -> None:
        self.kernel = kernel
        self.constants = constants
        self.widths = [kernel.fn.__annotations__.get(name) for name in kernel.arg_names]

    def __call__(self, grid: tuple[int, ...], *args: Any) -> None:
        if 0 in grid:
            return
        if max(grid[1:], default=0) > 65535 or grid[0] >= 2**31:
            raise RuntimeError(
                f"CUDA error: invalid configuration argument: {self.kernel.__name__} on a grid of {grid}; "
                "a GPU has 2147483647 x 65535 x 65535 programs"
            )
        refuse_complex(self.kernel, args)
        hosted = [
            _hosted(a, width, f"{self.kernel.__name__} {name}")
            for a, width, name in zip(args, self.widths, self.kernel.arg_names, strict=False)
        ]
        reaches = list(_reaches(hosted))
        simulated().queue(lambda: self._run(tuple(grid), hosted, reaches))

    def _run(self, grid: tuple[int, ...], hosted: list, reaches: list[Reach]) -> None:
        # a GPU says nothing of overflows and divisions by zero
        with self._one_at_a_time, np.errstate(all="ignore"), _patching_once():
            memory.running = self.kernel.__name__
            try:
                self.kernel[grid](*hosted, **self.constants)
            except InterpreterError as error:
                cause: BaseException | None = error
                while cause is not None and not isinstance(cause, IllegalAccess):
                    cause = cause.__cause__  # each device function around the access wraps it once more
                if cause is None:
                    raise
                raise cause from None
        if reaches:
            uses = [use for reach in reaches for use in reach.uses()]
            simulated().use(reaches[0].index, uses, self.kernel.__name__)


def _reaches(hosted: Any) -> Iterator[Reach]:
    """Of all memory among the arguments."""
    for a in hosted:
        if isinstance(a, _HostMemory):
            yield a.reach
        elif isinstance(a, tuple):
            yield from _reaches(a)
        elif isinstance(a, TensorDescriptor):
            yield a.base.reach


@contextmanager
def _patching_once() -> Iterator[None]:
    """Let the interpreter patch triton.language once per launch and module: it does so anew for every call of
    a device function, which takes longer than the call."""
    patch = getattr(interpreter, "_patch_lang", None)
    if patch is None:
        yield
        return
    scopes: dict[int, Any] = {}

    def once(fn: Any) -> Any:
        module = id(fn.__globals__)
        if module not in scopes:
            scopes[module] = patch(fn)
        return scopes[module]

    interpreter._patch_lang = once
    try:
        yield
    finally:
        interpreter._patch_lang = patch


def _look_for_builtins_once() -> None:
    """Let the interpreter keep which members of triton.language are builtins.

    It goes through all members of its modules and classes for every launch, a quarter of a small kernel's time.
    """
    patch = interpreter._patch_attr
    names: dict[Any, list[str]] = {}

    def patch_builtin(owner: Any, *more: Any) -> None:
        if owner not in names:
            names[owner] = [name for name, member in getmembers(owner) if tl.core.is_builtin(member)]
        for name in names[owner]:
            member = getattr(owner, name)
            if tl.core.is_builtin(
                member
            ):  # not yet patched, which another module of the kernel's may have done
                patch(owner, name, member, *more)

    interpreter._patch_builtin = patch_builtin


def _hosted(arg: Any, width: str | None = None, name: str = "") -> Any:
    """An argument as the interpreter takes it, rounded as the compiled kernel's parameter would be."""
    if isinstance(arg, Buffer):
        return _HostMemory(arg, name)
    if isinstance(arg, tuple):
        return tuple(_hosted(a, None, f"{name}[{i}]") for i, a in enumerate(arg))
    if isinstance(arg, TensorDescriptor):
        return TensorDescriptor(
            _hosted(arg.base, None, name), arg.shape, arg.strides, arg.block_shape, arg.padding
        )
    if isinstance(arg, float):
        return _scalar(arg, "fp64" if width == "fp64" else "fp32")
    if isinstance(arg, int) and (width == "i64" or not -(2**31) <= arg < 2**31):
        # the interpreter would compute with 2**31 and more in uint32
        return _scalar(arg, "i64" if arg < 2**63 else "u64")
    return arg


def _scalar(value: float, kind: str) -> Any:
    numpy_type, type_ = {
        "fp32": (np.float32, tl.float32), "fp64": (np.float64, tl.float64), "i64": (np.int64, tl.int64),
        "u64": (np.uint64, tl.uint64),
    }[kind]  # fmt: skip
    with np.errstate(over="ignore"):
        return tl.tensor(TensorHandle(np.array([value], numpy_type), type_), type_)


class _HostMemory(Address):
    """Host memory as a pointer argument of the interpreter, which copies tensors to the host and back."""

    __slots__ = ("reach",)

    def __init__(self, buffer: Buffer, name: str) -> None:
        super().__init__(buffer.ptr, buffer.dtype)
        self.reach = Reach(buffer, *name.split(" "))

    def untyped_storage(self) -> _HostMemory:
        return self

    def cpu(self) -> _HostMemory:
        return self

    def copy_(self, other: _HostMemory) -> None:
        """Nothing to copy back: the kernel wrote to this very memory."""

    def new_empty(self, size: int, device: str) -> _HostMemory:
        return self

    def set_(self, storage: _HostMemory, offset: int, size: tuple, stride: tuple) -> None:
        """Nothing to point elsewhere: this is the memory."""

    def storage_offset(self) -> int:
        return 0

    def size(self) -> tuple:
        return ()

    def stride(self) -> tuple:
        return ()


def _bind_pointers() -> None:
    """Let every pointer argument know its bytes."""
    convert = interpreter._implicit_cvt

    def implicit_cvt(arg: Any) -> Any:
        converted = convert(arg)
        return memory.argument(converted, arg.reach) if type(arg) is _HostMemory else converted

    interpreter._implicit_cvt = implicit_cvt


def _run_in_reverse(builder: Any) -> None:
    """Start with the last program: a GPU promises no order, and a kernel that counts on one shows."""
    place = builder.set_grid_idx

    def set_grid_idx(self: Any, x: int, y: int, z: int) -> None:
        place(self, *[count - 1 - i for count, i in zip(self.grid_dim, (x, y, z), strict=True)])

    builder.set_grid_idx = set_grid_idx


def _set_options(builder: Any) -> None:
    """Of checks that are made, and of products that NVIDIA's units make."""
    # Integer sums and products are made twice to find overflows, of which the interpreter then says nothing.
    builder.options = replace(builder.options, sanitize_overflow=False)
    builder.codegen_fns["min_dot_size"] = lambda a, b: (1, 1, 32 if a.scalar.primitive_bitwidth == 8 else 16)


def _tell_zero_from_none() -> None:
    """Triton 3.6 makes a semantic for every function that it patches, 3.9 has one."""
    interpreter.TritonSemantic = Semantic
    interpreter.interpreter_semantic.__class__ = Semantic


def _hold_to_promises() -> None:
    """Let `tl.multiple_of` look: on a GPU wide accesses follow from what it says, true or not."""
    patch = interpreter._patch_lang_core

    def patch_and_look(lang: Any, scope: Any) -> None:
        patch(lang, scope)
        note = lang.multiple_of

        def multiple_of(input: Any, values: Any) -> Any:
            memory.check_multiple(input, values)
            return note(input, values)

        scope.set_attr(lang, "multiple_of", multiple_of)

    interpreter._patch_lang_core = patch_and_look


def _mend_for_newer_numpy(builder: Any) -> None:
    """Triton 3.6 makes numbers of arrays of one element, and -1 of uint8: NumPy 2.5 refuses both."""
    patch = getattr(interpreter, "_patch_lang_tensor", None)
    if patch is not None:

        def patch_and_index(tensor: Any, scope: Any) -> None:
            patch(tensor, scope)
            scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.item()))

        interpreter._patch_lang_tensor = patch_and_index

    def all_ones(self: Any, type: Any) -> TensorHandle:
        return TensorHandle(~np.zeros(1, interpreter._get_np_dtype(type)), type.scalar)

    builder.get_all_ones_value = all_ones


convert_as_hardware(interpreter.InterpreterBuilder)
reduce_as_hardware(interpreter.ReduceOps)
check_accesses(interpreter.InterpreterBuilder)
_look_for_builtins_once()
_bind_pointers()
_run_in_reverse(interpreter.InterpreterBuilder)
_set_options(interpreter.interpreter_builder)
_tell_zero_from_none()
_hold_to_promises()
_mend_for_newer_numpy(interpreter.InterpreterBuilder)
