"""Running kernels in Triton's interpreter: the simulated device, whose memory is host memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ml_dtypes
import numpy as np
from triton import language as tl
from triton.runtime import interpreter
from triton.runtime.interpreter import TensorHandle
from triton.tools.tensor_descriptor import TensorDescriptor

from tritonnn.buffer import Buffer
from tritonnn.kernels.launch.descriptors import Address
from tritonnn.runtime.interface import runtime


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
        hosted = [_hosted(a, width) for a, width in zip(args, self.widths, strict=False)]
        runtime().queue(lambda: self._run(tuple(grid), hosted))

    def _run(self, grid: tuple[int, ...], hosted: list) -> None:
        with self._one_at_a_time, np.errstate(all="ignore"), _patching_once():
            self.kernel[grid](*hosted, **self.constants)


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


def _hosted(arg: Any, width: str | None = None) -> Any:
    """An argument as the interpreter takes it, rounded as the compiled kernel's parameter would be."""
    if isinstance(arg, Buffer):
        return _HostMemory(arg.ptr, arg.dtype)
    if isinstance(arg, tuple):
        return tuple(_hosted(a) for a in arg)
    if isinstance(arg, TensorDescriptor):
        return TensorDescriptor(_hosted(arg.base), arg.shape, arg.strides, arg.block_shape, arg.padding)
    if isinstance(arg, float):
        return _scalar(arg, "fp64" if width == "fp64" else "fp32")
    if isinstance(arg, int) and width == "i64":
        return _scalar(arg, "i64")
    return arg


def _scalar(value: float, kind: str) -> Any:
    numpy_type, type_ = {
        "fp32": (np.float32, tl.float32), "fp64": (np.float64, tl.float64), "i64": (np.int64, tl.int64)
    }[kind]  # fmt: skip
    with np.errstate(over="ignore"):
        return tl.tensor(TensorHandle(np.array([value], numpy_type), type_), type_)


class _HostMemory(Address):
    """Host memory as a pointer argument of the interpreter, which copies tensors to the host and back."""

    __slots__ = ()

    def untyped_storage(self) -> _HostMemory:
        return self

    def cpu(self) -> _HostMemory:
        return self

    def copy_(self, other: _HostMemory) -> None:
        """Nothing to copy back: the kernel wrote to this very memory."""

    def new_empty(self, size: int, device: str) -> _HostMemory:
        return _HostMemory(0, self.dtype)

    def set_(self, storage: _HostMemory, offset: int, size: tuple, stride: tuple) -> None:
        self.ptr = storage.ptr

    def storage_offset(self) -> int:
        return 0

    def size(self) -> tuple:
        return ()

    def stride(self) -> tuple:
        return ()


# Triton's interpreter keeps these types as their bits; it truncates where hardware rounds to the nearest even,
# and multiplies the bits of bfloat16 as integers in a dot.
_STORED = {
    tl.bfloat16: ml_dtypes.bfloat16, tl.float8e4nv: ml_dtypes.float8_e4m3fn, tl.float8e5: ml_dtypes.float8_e5m2
}  # fmt: skip


def _numbers(handle: TensorHandle) -> np.ndarray:
    stored = _STORED.get(handle.dtype.scalar)
    return (
        handle.data if stored is None else np.ascontiguousarray(handle.data).view(stored).astype(np.float32)
    )


def _teach_short_floats(builder: Any) -> None:
    """Let conversions and dots of the interpreter's builder treat short floating types as hardware does."""
    cast, convert, dot = builder.cast_impl, builder.create_fp_to_fp, builder.create_dot

    def cast_impl(self: Any, src: TensorHandle, dst_type: Any) -> TensorHandle:
        kind = dst_type.scalar
        stored = _STORED.get(kind)
        if stored is None and src.dtype.scalar not in _STORED:
            return cast(self, src, dst_type)
        values = _numbers(src)
        if stored is None:
            return TensorHandle(values.astype(interpreter._get_np_dtype(kind)), kind)
        bits = np.uint16 if kind is tl.bfloat16 else np.uint8
        return TensorHandle(values.astype(stored).view(bits), kind)

    def create_fp_to_fp(self: Any, src: TensorHandle, dst_type: Any, rounding: Any) -> TensorHandle:
        if src.dtype.scalar in _STORED or dst_type.scalar in _STORED:
            return cast_impl(self, src, dst_type)
        return convert(self, src, dst_type, rounding)

    def create_dot(self: Any, a: TensorHandle, b: TensorHandle, *rest: Any) -> TensorHandle:
        a, b = [TensorHandle(_numbers(x), tl.float32) if x.dtype.scalar is tl.bfloat16 else x for x in (a, b)]
        return dot(self, a, b, *rest)

    builder.cast_impl, builder.create_fp_to_fp, builder.create_dot = cast_impl, create_fp_to_fp, create_dot


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


_teach_short_floats(interpreter.InterpreterBuilder)
_mend_for_newer_numpy(interpreter.InterpreterBuilder)
